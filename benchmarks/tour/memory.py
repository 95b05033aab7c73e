"""Copying and adding by rnn, lstm and gru; from the runs of benchmarks.memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.memory.report import of
from benchmarks.tour.page import grid
from benchmarks.tour.runs import CELLS, memory_runs


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """The two tables; the pictures are docs/images/memory-copy.svg and memory-adding.svg."""
    return {"copy": _table("copy", "nats per symbol"), "adding": _table("adding", "mean squared error")}


def _table(task: str, loss: str) -> str:
    rows = []
    for cell in CELLS:
        results = {f"{job['lr']:g}": result["loss"] for job, result in of(memory_runs(), task, cell)}
        rows.append([cell, *(f"{value:.4f}" for value in results.values())])
    return grid([loss, *(f"learning rate {lr}" for lr in results)], rows)
