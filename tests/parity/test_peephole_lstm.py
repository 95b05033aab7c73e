"""The peephole LSTM against Graves 2013, equations 7 to 11."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.peephole_lstm import PeepholeLSTMConfig

from .cases import check_equations, golden
from .reference import Array, Weights, blocks, sigmoid

# python -c "from tests.parity.cases import golden; golden('peephole_lstm')"
GOLDEN = [
    [0.304382265343906, -0.5134052924142868],
    [0.022485585597911986, 0.16735405035777665],
    [-0.4482585610018524, 0.1322220457236042],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Input and forget gate look at the old memory, the output gate at the new one."""
    h, c = state["h"], state["c"]
    parts = zip(*(blocks(w, name, 4) for name in ("weight_ih", "weight_hh", "bias")), strict=True)
    i, f, g, o = (x @ ahead.T + h @ back.T + bias for ahead, back, bias in parts)
    new = sigmoid(f + w["weight_cf"] * c) * c + sigmoid(i + w["weight_ci"] * c) * np.tanh(g)
    return {"h": sigmoid(o + w["weight_co"] * new) * np.tanh(new), "c": new}


def test_equations() -> None:
    check_equations(PeepholeLSTMConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("peephole_lstm"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
