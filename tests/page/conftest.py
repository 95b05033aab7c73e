"""The models with every cell in them are those of `tests/export`. What takes long is made once."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "export"))

from made_once import made_once
from node import python


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that make_small.py has filled."""
    return made_once(tmp_path_factory, "small-pages", lambda folder: python("-m", "make_small", folder))
