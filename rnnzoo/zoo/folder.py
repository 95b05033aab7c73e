"""A trained model as a folder: what a run ends in, and what a zoo entry is made of.

config.json         task, model and data section, where cells from outside come from, under a schema version
model.safetensors   the weights
tokenizer.json      the vocabulary; of a translator, the target's, or that of both sides
tokenizer.src.json  a translator's source vocabulary, where it is another
metrics.json        the score, how it was measured, and the sha256 of the files above
recipe.yaml         the recipe it was trained from, for people; never parsed
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from rnnzoo.errors import UserError, nearest
from rnnzoo.files import read_json, sha256_file, write_durably, write_json, write_text
from rnnzoo.shapes import Tensor
from rnnzoo.text import load_tokenizer
from rnnzoo.zoo.guard import ENTRY, check_listed, check_places, check_weights
from rnnzoo.zoo.kinds import TOKENIZER, TOKENIZERS, Kind, Model, kind_of, kind_of_task, require, task_names
from rnnzoo.zoo.plugins import check_plugins, plugins_of
from rnnzoo.zoo.weights import pack, unpack, weights_of

__all__ = [
    "SCHEMA",
    "WEIGHED",
    "load_folder",
    "read_config",
    "read_metrics",
    "save_folder",
    "save_weights",
    "weighed",
]

SCHEMA = 1
"""The version of ``config.json`` and ``metrics.json``."""

WEIGHED = ("config.json", "model.safetensors", TOKENIZER)
"""The files that make the model, whose hashes metrics.json holds; a translator may have one more, see `weighed`."""

M = TypeVar("M", bound=nn.Module)


def save_folder(
    folder: str | os.PathLike[str],
    model: Model,
    *,
    task: str | None = None,
    data: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    recipe: str | None = None,
) -> None:
    """Writes `model` as a folder that `load_folder` takes; metrics.json is written last, over the others' hashes.

    Args:
        folder: made where it is missing.
        model: weights, config and tokenizers.
        task: which task the model is of; by the model itself when left out.
        data: the recipe's data section, so that the score can be measured again.
        metrics: what is known of its quality. recipe: the YAML it was trained from.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = kind_of(model)
    config = {
        "schema": SCHEMA,
        "task": task or kind.task_of(model),
        "model": model.config.to_dict(),
        "data": data or {},
    }
    if plugins := plugins_of(model.config):
        config["plugins"] = plugins
    write_json(folder / "config.json", config)
    save_weights(folder, pack(weights_of(model)))
    tokenizers = kind.tokenizers_of(model)
    for name in TOKENIZERS:
        if name in tokenizers:
            tokenizers[name].save(folder / name)
        else:  # of a model that was here before
            (folder / name).unlink(missing_ok=True)
    if recipe is not None:
        write_text(folder / "recipe.yaml", recipe)
    hashes = {name: sha256_file(folder / name) for name in weighed(folder, kind)}
    write_json(folder / "metrics.json", {"schema": SCHEMA, **(metrics or {}), "files": hashes})


def save_weights(folder: Path, packed: Mapping[str, Tensor]) -> None:
    """Writes model.safetensors from what `rnnzoo.zoo.weights.pack` gives."""
    data = save(dict(packed), {"format": "pt"})
    write_durably(folder / "model.safetensors", lambda file: file.write(data))


def weighed(folder: Path, kind: Kind[Any, Any]) -> tuple[str, ...]:
    """The files that make the model in `folder`: those that every model has, and the tokenizers that are there."""
    return *WEIGHED, *(name for name in kind.tokenizers if name != TOKENIZER and (folder / name).is_file())


@overload
def load_folder(folder: str | os.PathLike[str], device: torch.device | str = "cpu") -> Model: ...


@overload
def load_folder(folder: str | os.PathLike[str], device: torch.device | str = "cpu", *, kind: type[M]) -> M: ...


def load_folder(
    folder: str | os.PathLike[str], device: torch.device | str = "cpu", *, kind: type[nn.Module] | None = None
) -> nn.Module:
    """The model in a folder, in evaluation mode. Nothing in the folder is executed, and nothing it names is imported.

    Args:
        folder: a zoo entry or a finished run. device: where its weights go.
        kind: the class that the model has to be of, `LanguageModel` or `Seq2Seq`; either when left out.

    Raises:
        UserError: it needs a cell that is neither built in nor registered; a file is missing, damaged (its hash is not
            that in metrics.json) or of a newer version; the weights are not exactly those of the config; or the model
            is of another kind.
    """
    folder = Path(folder)
    check_places(folder)
    if (folder / ENTRY).is_file():
        check_listed(folder)
    files = read_metrics(folder)["files"]
    _hold(folder, files, WEIGHED)
    where = folder / "config.json"
    described = read_config(folder)
    of = kind_of_task(described["task"])
    # one that is named has to be there, and one that is there has to be named
    tokenizers = [name for name in of.tokenizers if name == TOKENIZER or name in files or (folder / name).is_file()]
    _hold(folder, files, tokenizers)
    check_plugins(described.get("plugins", {}), where)
    config = of.config.from_dict(described["model"], f"{where}: model")
    vocabularies = {name: load_tokenizer(folder / name) for name in tokenizers}
    path = folder / "model.safetensors"
    check_weights(lambda: of.build(config, vocabularies), of.layers(config), path)
    try:
        model, weights = of.build(config, vocabularies), unpack(load_file(path))
    except (RuntimeError, MemoryError) as error:
        raise UserError(f"describes a model that cannot be built: {error}", path=where) from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot be read as safetensors: {error}", path=path) from None
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in weights.items():  # in place, so that tied parameters stay tied
            own[name].copy_(tensor)
    loaded: nn.Module = model.to(device).eval()
    return loaded if kind is None else require(loaded, kind, str(folder))


def _hold(folder: Path, hashes: dict[str, Any], names: Iterable[str]) -> None:
    """Holds files to their hashes in metrics.json."""
    for name in names:
        if hashes.get(name) != sha256_file(folder / name):
            raise UserError("is damaged: its sha256 is not the one in metrics.json", path=folder / name)


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a folder, its schema and keys checked.

    Raises:
        UserError: it is missing, damaged, of a newer version, or has other keys.
    """
    path = folder / "config.json"
    config = _versioned(path)
    for key in config:
        if key not in ("schema", "task", "model", "data", "plugins"):
            raise UserError(f"unknown key {key!r}", path=path)
    if config.get("task") not in task_names():
        raise UserError(
            f"unknown task {config.get('task')!r}{nearest(str(config.get('task')), task_names())}", path=path
        )
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
