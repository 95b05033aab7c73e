"""The Mogrifier LSTM against Melis et al. 2019, equations 1 and 2."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnzoo.cells.mogrifier_lstm import MogrifierLSTMConfig

from .cases import check_equations, golden
from .reference import Array, Weights, blocks, sigmoid

# python -c "from tests.parity.cases import golden; golden('mogrifier_lstm')"
GOLDEN = [
    [0.35222476571473665, -0.2652678194420835],
    [-0.015770358910167384, 0.1400789756758802],
    [-0.4174936141242072, 0.1630528400196119],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Odd rounds change x, even ones h."""
    h, rounds = state["h"], sum(name.startswith("weight_mogrify") for name in w)
    for number in range(1, rounds + 1):
        matrix = w[f"weight_mogrify.{number - 1}"]
        if number % 2:
            x = 2 * sigmoid(h @ matrix.T) * x
        else:
            h = 2 * sigmoid(x @ matrix.T) * h
    parts = zip(*(blocks(w, name, 4) for name in ("weight_ih", "weight_hh", "bias")), strict=True)
    i, f, g, o = (x @ ahead.T + h @ back.T + bias for ahead, back, bias in parts)
    c = sigmoid(f) * state["c"] + sigmoid(i) * np.tanh(g)
    return {"h": sigmoid(o) * np.tanh(c), "c": c}


@pytest.mark.parametrize("rounds", [0, 1, 2, 5])
def test_equations(rounds: int) -> None:
    check_equations(MogrifierLSTMConfig(rounds=rounds), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("mogrifier_lstm"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
