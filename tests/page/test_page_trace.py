"""`trace` and the page give the same arrays under the same names, and the same seed writes the same text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from node import node, python


def test_the_page_draws_what_trace_gives(tmp_path: Path) -> None:
    python("-m", "traced", tmp_path)
    expected = json.loads((tmp_path / "expected.json").read_text(encoding="utf-8"))
    from traced import SEED, TEXT

    found = node("read_text.mjs", tmp_path / "model.bin", TEXT, SEED)
    assert found["arrays"].keys() == expected["arrays"].keys()
    assert {"gate.0.f", "gate.1.o", "unit.1.c", "influence", "surprisal"} < found["arrays"].keys()
    for name, array in expected["arrays"].items():
        assert np.abs(np.array(found["arrays"][name]) - np.array(array)).max() < 1e-5, name
    assert found["written"] == expected["written"]
