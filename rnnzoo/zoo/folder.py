"""A trained model as a folder: what a run ends in, and what a zoo entry is made of.

config.json         task, model and data section, as plain values under a schema version
model.safetensors   the weights
tokenizer.json      the vocabulary
metrics.json        the score, how it was measured, and the sha256 of the three files above
recipe.yaml         the recipe it was trained from, for people; never parsed
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from rnnzoo.errors import UserError, nearest
from rnnzoo.files import read_json, sha256_file, write_durably, write_json, write_text
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import load_tokenizer
from rnnzoo.zoo.guard import ENTRY, check_listed, check_places, check_weights

__all__ = ["SCHEMA", "WEIGHED", "load_folder", "read_config", "read_metrics", "save_folder"]

SCHEMA = 1
"""The version of ``config.json`` and ``metrics.json``."""

WEIGHED = ("config.json", "model.safetensors", "tokenizer.json")
"""The files that make the model, whose hashes metrics.json holds."""

LANGUAGE_MODELS = ("char_lm", "word_lm")
TASKS = LANGUAGE_MODELS


def save_folder(
    folder: str | os.PathLike[str],
    model: LanguageModel,
    *,
    task: str | None = None,
    data: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    recipe: str | None = None,
) -> None:
    """Writes `model` as a folder that `load_folder` takes; metrics.json is written last, over the others' hashes.

    Args:
        folder: made where it is missing.
        model: weights, config and tokenizer.
        task: which task the model is of; by its tokenizer when left out.
        data: the recipe's data section, so that the score can be measured again.
        metrics: what is known of its quality. recipe: the YAML it was trained from.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    task = task or ("char_lm" if model.tokenizer.kind in ("char", "byte") else "word_lm")
    config = {"schema": SCHEMA, "task": task, "model": model.config.to_dict(), "data": data or {}}
    # Tied weights are stored once, under the first of their names; loading ties them again.
    weights, seen = {}, set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen or tensor.numel() == 0:
            seen.add(tensor.data_ptr())
            weights[name] = tensor.detach().cpu().contiguous()
    write_json(folder / "config.json", config)
    write_durably(folder / "model.safetensors", lambda file: file.write(save(weights, {"format": "pt"})))
    model.tokenizer.save(folder / "tokenizer.json")
    if recipe is not None:
        write_text(folder / "recipe.yaml", recipe)
    hashes = {name: sha256_file(folder / name) for name in WEIGHED}
    write_json(folder / "metrics.json", {"schema": SCHEMA, **(metrics or {}), "files": hashes})


def load_folder(folder: str | os.PathLike[str], device: torch.device | str = "cpu") -> LanguageModel:
    """The model in a folder, in evaluation mode. Nothing in the folder is executed.

    Raises:
        UserError: a file is missing, damaged (its hash is not that in metrics.json) or of a newer version, or the
            weights are not exactly those of the config.
    """
    folder = Path(folder)
    check_places(folder)
    if (folder / ENTRY).is_file():
        check_listed(folder)
    metrics = read_metrics(folder)
    for name in WEIGHED:
        if metrics["files"].get(name) != sha256_file(folder / name):
            raise UserError("is damaged: its sha256 is not the one in metrics.json", path=folder / name)
    where = folder / "config.json"
    config = LanguageModelConfig.from_dict(read_config(folder)["model"], f"{where}: model")
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    path = folder / "model.safetensors"
    check_weights(config, tokenizer, path)
    try:
        model, weights = config.build(tokenizer), load_file(path)
    except (RuntimeError, MemoryError) as error:
        raise UserError(f"describes a model that cannot be built: {error}", path=where) from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot be read as safetensors: {error}", path=path) from None
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in weights.items():  # in place, so that tied parameters stay tied
            own[name].copy_(tensor)
    return model.to(device).eval()


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a folder, its schema and keys checked.

    Raises:
        UserError: it is missing, damaged, of a newer version, or has other keys.
    """
    path = folder / "config.json"
    config = _versioned(path)
    for key in config:
        if key not in ("schema", "task", "model", "data"):
            raise UserError(f"unknown key {key!r}", path=path)
    if config.get("task") not in TASKS:
        raise UserError(f"unknown task {config.get('task')!r}{nearest(str(config.get('task')), TASKS)}", path=path)
    if not isinstance(config.get("model"), dict) or not isinstance(config.get("data", {}), dict):
        raise UserError("'model' and 'data' must be mappings", path=path)
    return config


def read_metrics(folder: Path) -> dict[str, Any]:
    """The ``metrics.json`` of a folder.

    Raises:
        UserError: it is missing (as in a run that has not ended), damaged or of a newer version.
    """
    path = folder / "metrics.json"
    if not path.is_file() and (folder / "run.json").is_file():
        raise UserError("this run has not ended yet: continue it with `rnnzoo train ... --resume`", path=folder)
    if not any((folder / name).is_file() for name in (path.name, *WEIGHED)):
        raise UserError("holds no model", path=folder)
    metrics = _versioned(path)
    if not isinstance(metrics.get("files"), dict):
        raise UserError("'files' is missing", path=path)
    return metrics


def _versioned(path: Path) -> dict[str, Any]:
    data = read_json(path)
    if not isinstance(data, dict) or type(data.get("schema")) is not int or data["schema"] < 1:
        raise UserError("'schema' is missing", path=path)
    if data["schema"] > SCHEMA:
        raise UserError(f"has schema {data['schema']}; this rnnzoo knows up to {SCHEMA}: upgrade it", path=path)
    return data
