"""Where the text lies that a run was trained on: run.json says so, and no entry that is made of the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import read_json

__all__ = ["check_unchanged", "kept_text"]


def kept_text(folder: Path) -> list[str] | None:
    """The files, or the folder of shards, that a run was trained on, if they are still there; None where not.

    Args:
        folder: of the run.
    """
    try:
        noted = read_json(folder / "run.json")
    except UserError:
        return None
    paths = noted.get("text") if isinstance(noted, dict) else None
    if (
        not isinstance(paths, list)
        or not paths
        or not all(isinstance(path, str) and "\0" not in path for path in paths)
    ):
        return None
    return paths if all(os.path.exists(path) for path in paths) else None


def check_unchanged(paths: Sequence[str], sha256: str, recorded: str | None) -> None:
    """Raises `UserError` where what now lies at `paths` is another text than the one on record."""
    if recorded not in (None, sha256):
        raise UserError(
            "has changed since the model was trained on it (it has another sha256): say with --text where that text is",
            path=paths[0],
        )
