"""The layer-normalised LSTM against Ba et al. 2016, equations 20 to 22."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells.layernorm_lstm import LayerNormLSTMConfig

from .cases import check_equations, golden
from .reference import Array, Weights, layer_norm, sigmoid

# python -c "from tests.parity.cases import golden; golden('layernorm_lstm')"
GOLDEN = [
    [-0.6105493236223459, 0.14038139015207915],
    [0.4367795723991514, 0.3148226018660541],
    [0.43299171699516764, 0.24667387886040595],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """All four gates are normalised as one vector, the input's and the recurrent part each by itself."""
    ahead = layer_norm(x @ w["weight_ih"].T, w["weight_norm_ih"])
    back = layer_norm(state["h"] @ w["weight_hh"].T, w["weight_norm_hh"])
    i, f, g, o = np.split(ahead + back + w["bias"], 4, axis=1)
    c = sigmoid(f) * state["c"] + sigmoid(i) * np.tanh(g)
    return {"h": sigmoid(o) * np.tanh(layer_norm(c, w["weight_norm_c"], w["bias_norm_c"])), "c": c}


def test_equations() -> None:
    check_equations(LayerNormLSTMConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("layernorm_lstm"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
