"""The minimal gated unit against Zhou et al. 2016."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.mgu import MGUConfig

from .cases import check_equations, golden
from .reference import Array, Weights, blocks, sigmoid

# python -c "from tests.parity.cases import golden; golden('mgu')"
GOLDEN = [
    [-0.7247024577828831, -0.5856449880036056],
    [-0.37398844767817957, -0.7675814245419738],
    [-0.2946623396570389, -0.789195901740617],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """One gate; it acts before the product, as in Cho's GRU."""
    h = state["h"]
    (ahead_f, ahead_n), (back_f, back_n) = blocks(w, "weight_ih", 2), blocks(w, "weight_hh", 2)
    bias_f, bias_n = blocks(w, "bias", 2)
    f = sigmoid(x @ ahead_f.T + h @ back_f.T + bias_f)
    n = np.tanh(x @ ahead_n.T + (f * h) @ back_n.T + bias_n)
    return {"h": (1 - f) * h + f * n}


def test_equations() -> None:
    check_equations(MGUConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("mgu"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
