"""BLEU by length with and without attention; from the last run of benchmarks.bleu_by_length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.bleu_by_length import block
from benchmarks.tour.runs import DOCS

FIGURES = DOCS.parent / "benchmarks" / "results" / "bleu-by-length.json"
MISSING = "*This place is filled by `python -m benchmarks.bleu_by_length`, once both models are in the zoo.*"


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """The table, with docs/images/bleu-by-length.svg."""
    if not FIGURES.is_file():
        return {"bleu": MISSING}
    return {"bleu": block(json.loads(FIGURES.read_text(encoding="utf-8")), "../images/bleu-by-length.svg")}
