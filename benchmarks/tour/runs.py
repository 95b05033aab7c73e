"""Runs on record that the tour looks things up in, rather than measuring them a second time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from rnnzoo.files import read_lines

__all__ = ["CELLS", "DOCS", "memory_runs"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
CELLS = ("rnn", "lstm", "gru")


@cache
def memory_runs() -> list[tuple[dict[str, Any], Any]]:
    """Jobs and results of ``python -m benchmarks.memory``."""
    return [(line["job"], line["result"]) for line in read_lines(DOCS / "memory" / "runs.jsonl")]
