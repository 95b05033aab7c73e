"""`trace` and the page give the same arrays under the same names, and the same seed writes the same text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from node import node


def test_the_page_draws_what_trace_gives(small: Path) -> None:
    from make_small import SEED, TEXT

    expected = json.loads((small / "expected.json").read_text(encoding="utf-8"))
    found = node("read_text.mjs", small / "model.bin", TEXT, SEED)
    assert found["arrays"].keys() == expected["arrays"].keys()
    assert {"gate.0.f", "gate.1.o", "unit.1.c", "influence", "surprisal"} < found["arrays"].keys()
    for name, array in expected["arrays"].items():
        assert np.abs(np.array(found["arrays"][name]) - np.array(array)).max() < 1e-5, name
    assert found["written"] == expected["written"]
