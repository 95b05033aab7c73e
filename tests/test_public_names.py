"""What version 0.1.0 let one import can still be imported, from where it was."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from rnnzoo._moved import MOVED

PUBLIC = json.loads((Path(__file__).parent / "public_0_1_0.json").read_text())


@pytest.mark.parametrize("module", sorted(PUBLIC))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_version_0_1_0_had_is_there(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


def test_the_list_has_all_that_has_moved() -> None:
    assert set(MOVED) <= set(PUBLIC)
    assert sum(map(len, PUBLIC.values())) >= 200


def test_a_module_that_has_moved_says_where_it_is() -> None:
    sys.modules.pop("rnnzoo.models.session", None)
    with pytest.warns(DeprecationWarning, match=r"rnnzoo\.models\.session has moved to rnnzoo\.inference\.generation"):
        session = importlib.import_module("rnnzoo.models.session")
    assert session.Session is importlib.import_module("rnnzoo.inference.generation.session").Session
    with pytest.raises(AttributeError, match="Sesion"):
        session.Sesion  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("rnnzoo.models.sesion")
