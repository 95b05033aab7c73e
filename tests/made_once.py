"""What several tests need and takes long: made once in a run of the tests, by the worker that is there first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnzoo.system import lock

__all__ = ["made_once"]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` that `make` has filled; other workers wait for it."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # that of all workers
    folder = root / name
    with (root / f"{name}.lock").open("w") as file:
        lock(file, wait=True)
        if not (folder / ".made").exists():
            folder.mkdir()
            make(folder)
            (folder / ".made").touch()
    return folder
