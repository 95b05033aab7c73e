"""How far back a gradient reaches in cells that have learnt to add; from the runs of benchmarks.memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.memory.report import best
from benchmarks.tour.page import grid
from benchmarks.tour.runs import CELLS, memory_runs

DISTANCES = (0, 10, 30, 59)


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """The table; the picture is docs/images/memory-gradient.svg."""
    rows = []
    for cell in CELLS:
        one = best(memory_runs(), "adding", cell)
        assert one is not None
        norms = one[1]["gradient"]
        rows.append([cell, *(f"{norms[distance] / norms[0]:.0e}" for distance in DISTANCES), f"{one[1]['loss']:.4f}"])
    return {"trained": grid(["steps back", *map(str, DISTANCES), "error in adding"], rows)}
