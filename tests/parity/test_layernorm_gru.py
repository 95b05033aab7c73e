"""The layer-normalised GRU against Ba et al. 2016, with z as what stays."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.layernorm_gru import LayerNormGRUConfig

from .cases import check_equations, golden
from .reference import Array, Weights, layer_norm, sigmoid

# python -c "from tests.parity.cases import golden; golden('layernorm_gru')"
GOLDEN = [
    [0.5580672806064562, -0.34407142562495446],
    [-0.2138497020601202, 0.5227630412029851],
    [-0.7435326015711369, 0.805015905008791],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Two normalisations of 2H for the gates, two of H for the content; the reset gate acts on a normalised product."""
    h, gates = state["h"], 2 * state["h"].shape[1]
    ahead, back = x @ w["weight_ih"].T, h @ w["weight_hh"].T
    gain_x, gain_h, bias = w["weight_norm_ih"], w["weight_norm_hh"], w["bias"]
    of_gates = layer_norm(ahead[:, :gates], gain_x[:gates]) + layer_norm(back[:, :gates], gain_h[:gates])
    r, z = np.split(sigmoid(of_gates + bias[:gates]), 2, axis=1)
    past = layer_norm(back[:, gates:], gain_h[gates:])
    n = np.tanh(layer_norm(ahead[:, gates:], gain_x[gates:]) + bias[gates:] + r * past)
    return {"h": (1 - z) * n + z * h}


def test_equations() -> None:
    check_equations(LayerNormGRUConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("layernorm_gru"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
