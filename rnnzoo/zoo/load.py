"""From a model's name to the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
        model: a name of the zoo, or a folder (a path with a separator, or one that begins with a dot): a zoo entry,
            a finished run, or ``runs/RECIPE`` for the last finished run of that recipe.
        device: where its weights go.

    Raises:
        UserError: there is no such model, or a file of it is missing or damaged.
    """
    return load_folder(find_model(model), device)


def find_model(model: str | os.PathLike[str]) -> Path:
    """The folder of a model; see `load`. The folder of all runs of a recipe stands for the last finished one.

    Raises:
        UserError: there is none.
    """
    text = os.fspath(model)
    if isinstance(model, os.PathLike) or os.sep in text or "/" in text or text.startswith("."):
        path = Path(text)
        if not path.is_dir():
            raise UserError("no such folder", path=path)
        runs = [run.parent for run in path.glob("*/run.json") if run.parent.name.isdigit()]
        return _last_finished(path, runs) if runs else path
    entries = entry_names()
    if text not in entries:
        hint = nearest(text, entries) or "; a run is named by its folder, such as runs/RECIPE/1"
        hint = f"; the folder of that name is ./{text}" if Path(text).is_dir() else hint
        raise UserError(f"unknown model {text!r}{hint}")
    return entries[text]


def _last_finished(path: Path, runs: Sequence[Path]) -> Path:
    finished = [run for run in runs if (run / "metrics.json").is_file()]
    if not finished:
        raise UserError("no run in it has come to its end", path=path)
    return max(finished, key=lambda run: int(run.name))


def entry_names() -> dict[str, Path]:
    """The zoo entries that are at hand: name to folder, sorted."""
    root = packaged("pretrained")
    folders = [] if root is None else [path.parent for path in root.glob("*/config.json")]
    return {path.name: path for path in sorted(folders)}
