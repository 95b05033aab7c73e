"""The page's runtime says what PyTorch says, for every cell in every form that its file names."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_cell import examples
from exported import every_cell_files
from node import node, python

from rnnzoo.cells import builtin_cells


def check(cases: Path) -> None:
    found = node("run_graphs.mjs", cases)
    assert found["faults"] == []
    assert found["worst"] < 1e-4
    assert found["runs"] >= 80


def test_every_cell_side_by_side(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert len(builtin_cells()) == 23
    check(every_cell_files(tmp_path_factory) / "cases.json")


@pytest.mark.slow  # an export takes ten seconds or so
@pytest.mark.parametrize("number", range(len(examples())))
def test_example(number: int, tmp_path: Path) -> None:
    """On both sides of a translator: an encoder's loop, attention, beams of more than one row."""
    python("-m", "graph_cases", number, tmp_path / "cases.json")
    check(tmp_path / "cases.json")
