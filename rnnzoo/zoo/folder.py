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

from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file, write_durably, write_json, write_text
from rnnzoo.shapes import Tensor
from rnnzoo.text import load_tokenizer
from rnnzoo.zoo.guard import check_listed, check_places
from rnnzoo.zoo.kinds import Kind, Model, kind_of, kind_of_task, require
from rnnzoo.zoo.layout import ENTRY, SCHEMA, TOKENIZER, TOKENIZERS, WEIGHED
from rnnzoo.zoo.plugins import check_plugins, plugins_of
from rnnzoo.zoo.records import read_config, read_metrics
from rnnzoo.zoo.weight_shapes import check_weights
from rnnzoo.zoo.weights import pack, unpack, weights_of

__all__ = [
    "load_folder",
    "save_folder",
    "save_weights",
    "weighed",
]

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
