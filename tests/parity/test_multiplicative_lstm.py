"""The multiplicative LSTM against Krause et al. 2016."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.multiplicative_lstm import MultiplicativeLSTMConfig

from .cases import check_equations, golden
from .reference import Array, Weights, blocks, sigmoid

# python -c "from tests.parity.cases import golden; golden('multiplicative_lstm')"
GOLDEN = [
    [0.07166017889538252, -0.019927559879883015],
    [0.03984156768463182, 0.014523936866022245],
    [0.07702948207246747, 0.05966835075236148],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """An LSTM's step with m for h."""
    m = (x @ w["weight_mx"].T) * (state["h"] @ w["weight_mh"].T)
    parts = zip(*(blocks(w, name, 4) for name in ("weight_ih", "weight_hh", "bias")), strict=True)
    i, f, g, o = (x @ ahead.T + m @ back.T + bias for ahead, back, bias in parts)
    c = sigmoid(f) * state["c"] + sigmoid(i) * np.tanh(g)
    return {"h": np.tanh(c) * sigmoid(o), "c": c}


def test_equations() -> None:
    check_equations(MultiplicativeLSTMConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(
        golden("multiplicative_lstm"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14
    )
