"""From a model's name to the model."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from rnnzoo.errors import UserError, nearest
from rnnzoo.models import LanguageModel
from rnnzoo.zoo.folder import load_folder
from rnnzoo.zoo.paths import packaged

__all__ = ["entry_names", "find_model", "load"]


def load(model: str | os.PathLike[str], *, device: torch.device | str = "cpu") -> LanguageModel:
    """The plain model called `model`, in evaluation mode.

    Args:
        model: a name of the zoo, or a folder (a path with a separator, or one that begins with a dot): a zoo entry
            or a finished run.
        device: where its weights go.

    Raises:
        UserError: there is no such model, or a file of it is missing or damaged.
    """
    return load_folder(find_model(model), device)


def find_model(model: str | os.PathLike[str]) -> Path:
    """The folder of a model; see `load`.

    Raises:
        UserError: there is none.
    """
    text = os.fspath(model)
    if isinstance(model, os.PathLike) or os.sep in text or "/" in text or text.startswith("."):
        path = Path(text)
        if not path.is_dir():
            raise UserError("no such folder", path=path)
        return path
    entries = entry_names()
    if text not in entries:
        hint = f"; the folder of that name is ./{text}" if Path(text).is_dir() else ""
        raise UserError(f"unknown model {text!r}{nearest(text, entries)}{hint}")
    return entries[text]


def entry_names() -> dict[str, Path]:
    """The zoo entries that are at hand: name to folder, sorted."""
    root = packaged("pretrained")
    folders = [] if root is None else [path.parent for path in root.glob("*/config.json")]
    return {path.name: path for path in sorted(folders)}
