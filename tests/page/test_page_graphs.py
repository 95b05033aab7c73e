"""The page's runtime says what PyTorch says, for every cell in every form that its file names."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_cell import examples
from exported import every_cell_files
from node import node, python

from rnnzoo.cells import builtin_cells
from rnnzoo.page.bundle import missing_operators


def check(cases: Path) -> None:
    found = node("run_graphs.mjs", cases)
    assert found["faults"] == []
    assert found["worst"] < 1e-4
    assert found["runs"] >= 80


def test_every_cell_side_by_side(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert len(builtin_cells()) == 23
    check(every_cell_files(tmp_path_factory) / "cases.json")


def test_what_a_page_cannot_run_is_named() -> None:
    body = {"nodes": [["input", 0], ["erfinv", {"v": 0}]]}
    graph = {"nodes": [["input", 0], ["tanh", {"v": 0}], ["linear", {"v": 1}, None, None], ["scan", {"g": body}, []]]}
    assert missing_operators(graph) == {"erfinv"}


@pytest.mark.slow  # an export takes ten seconds or so
@pytest.mark.parametrize("number", range(len(examples())))
def test_example(number: int, tmp_path: Path) -> None:
    """On both sides of a translator: an encoder's loop, attention, beams of more than one row."""
    python("-m", "graph_cases", number, tmp_path / "cases.json")
    check(tmp_path / "cases.json")
