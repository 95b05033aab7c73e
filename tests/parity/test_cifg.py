"""The LSTM with coupled gates against its equations: Greff et al. 2015 with i = 1 - f and no peepholes."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.cifg import CIFGConfig

from .cases import check_equations, golden
from .reference import Array, Weights, blocks, sigmoid

# python -c "from tests.parity.cases import golden; golden('cifg')"
GOLDEN = [
    [0.18521433866050527, -0.10006628465493483],
    [0.07735498191211299, -0.4893444803470356],
    [0.021742832532639957, -0.4377404901924328],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """An LSTM's step with i = 1 - f."""
    parts = zip(*(blocks(w, name, 3) for name in ("weight_ih", "weight_hh", "bias")), strict=True)
    forget, content, show = (x @ ahead.T + state["h"] @ back.T + bias for ahead, back, bias in parts)
    f = sigmoid(forget)
    i = 1 - f
    c = f * state["c"] + i * np.tanh(content)
    return {"h": sigmoid(show) * np.tanh(c), "c": c}


def test_equations() -> None:
    check_equations(CIFGConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("cifg"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
