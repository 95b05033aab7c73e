"""A model's graphs, kept by the hash of its files, so that text comes without PyTorch's second and a half of loading.

Graphs are made where the user asks for them (``--backend onnx``), which takes some seconds, or for a text so long that
making them pays; from then on every `rnnzoo generate` of the same weights finds them.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.version import __version__

if TYPE_CHECKING:
    from rnnzoo.runtime import LanguageModel

__all__ = ["WORTH_MAKING", "cached_graph", "made_graph"]

WORTH_MAKING = 100_000
"""Tokens from which on making the graphs pays within one run: they take ten seconds and save 100 microseconds each."""

_FILES = ("config.json", "model.safetensors", "tokenizer.json")


def cached_graph(model: str) -> LanguageModel | None:
    """The runtime's model of a language model in the package or in a folder, if its graphs were made before.

    It belongs to exactly these weights: it is found by the hash of the files, which it was made of after they had been
    checked.
    """
    folder = _folder(model)
    place = None if folder is None else _place(folder)
    if place is None or not (place / "meta.json").is_file():
        return None
    from rnnzoo.runtime import LanguageModel

    try:
        return LanguageModel.open(place)
    except UserError:  # of another kind, or of another version of the runtime
        return None


def made_graph(model: str) -> LanguageModel:
    """`cached_graph`, made now where it is not there yet.

    Raises:
        UserError: the model is no language model, or a package of the extra ``export`` is missing.
    """
    if (found := cached_graph(model)) is not None:
        return found
    from rnnzoo.models import LanguageModel as Plain
    from rnnzoo.runtime import LanguageModel
    from rnnzoo.zoo import find_model, load
    from rnnzoo.zoo.export_folder import export_folder

    plain, place = load(model, kind=Plain), _place(find_model(model))
    if place is None:
        raise UserError(f"{model} has no files that its graphs could be kept by")
    place.parent.mkdir(parents=True, exist_ok=True)
    export_folder(plain, place, name=model, force=True)
    return LanguageModel.open(place)


def _folder(model: str) -> Path | None:
    """Where the files of a model lie; nothing where that takes more than a look."""
    package = Path(__file__).resolve().parent.parent
    if "/" in model or os.sep in model or model.startswith("."):
        places = [Path(model)]
    else:
        places = [package.parent / "pretrained" / model, package / "_pretrained" / model]
    return next((place for place in places if (place / "model.safetensors").is_file()), None)


def _place(folder: Path) -> Path | None:
    digest = hashlib.sha256(__version__.encode())
    try:
        for name in _FILES:
            digest.update(bytes.fromhex(sha256_file(folder / name)))
    except UserError:
        return None
    named = os.environ.get("RNNZOO_CACHE")  # as `rnnzoo.data.places` has it, which loads what takes a second
    root = Path(named) if named else Path.home() / ".cache" / "rnnzoo"
    return root / "graphs" / digest.hexdigest()[:32]
