"""The page's runtime says what PyTorch says, for every cell in every form that its file names."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_cell import examples
from node import node, python

from rnnzoo.cells import builtin_cells


def check(model: str, tmp_path: Path) -> None:
    cases = tmp_path / "cases.json"
    python("-m", "graph_cases", model, cases)
    found = node("run_graphs.mjs", cases)
    assert found["faults"] == []
    assert found["worst"] < 1e-4
    assert found["runs"] >= 80


def test_every_cell_side_by_side(tmp_path: Path) -> None:
    assert len(builtin_cells()) == 23
    check("language_model_of_all", tmp_path)


@pytest.mark.slow  # an export takes ten seconds or so
@pytest.mark.parametrize("number", range(len(examples())))
def test_example(number: int, tmp_path: Path) -> None:
    """On both sides of a translator: an encoder's loop, attention, beams of more than one row."""
    check(str(number), tmp_path)
