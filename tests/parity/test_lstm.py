"""The LSTM against its equations and against nn.LSTM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rnnzoo.cells.lstm import LSTMConfig

from .cases import check_equations, check_torch
from .reference import Array, Weights, sigmoid


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Gers, Schmidhuber & Cummins 2000, gate by gate."""

    def net(gate: int) -> Array:
        size = state["h"].shape[1]
        rows = slice(gate * size, (gate + 1) * size)
        ahead = x @ w["weight_ih"][rows].T + w["bias_ih"][rows]
        return ahead + state["h"] @ w["weight_hh"][rows].T + w["bias_hh"][rows]

    c = sigmoid(net(1)) * state["c"] + sigmoid(net(0)) * np.tanh(net(2))
    return {"h": sigmoid(net(3)) * np.tanh(c), "c": c}


def test_equations() -> None:
    check_equations(LSTMConfig(), step)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_torch(layers: int, bidirectional: bool, bias: bool, dtype: torch.dtype) -> None:
    check_torch(LSTMConfig(), nn.LSTM(3, 5, layers, bidirectional=bidirectional, bias=bias, batch_first=True), dtype)
