"""The update gate network against Collins et al. 2017."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.ugrnn import UGRNNConfig

from .cases import check_equations, golden
from .reference import Array, Weights, blocks, sigmoid

# python -c "from tests.parity.cases import golden; golden('ugrnn')"
GOLDEN = [
    [0.2415780623025576, -0.3330458986528333],
    [0.29793951643997535, -0.6454549398380263],
    [0.03271599230972345, -0.7064397701872681],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """The gate g of the paper is our z: g * h + (1 - g) * c."""
    h = state["h"]
    (ahead_z, ahead_n), (back_z, back_n) = blocks(w, "weight_ih", 2), blocks(w, "weight_hh", 2)
    bias_z, bias_n = blocks(w, "bias", 2)
    gate = sigmoid(x @ ahead_z.T + h @ back_z.T + bias_z)
    content = np.tanh(x @ ahead_n.T + h @ back_n.T + bias_n)
    return {"h": gate * h + (1 - gate) * content}


def test_equations() -> None:
    check_equations(UGRNNConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("ugrnn"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
