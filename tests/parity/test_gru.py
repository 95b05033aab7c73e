"""The GRU with the reset gate after the product, against its equations and against nn.GRU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rnnzoo.cells.gru import GRUConfig

from .cases import check_equations, check_torch, golden
from .reference import Array, Weights, sigmoid

# python -c "from tests.parity.cases import golden; golden('gru')"
GOLDEN = [
    [0.9300389921497985, -0.07864664315554258],
    [-0.050480592288119075, 0.7239595084382218],
    [-0.4574194439158078, 0.6994429781019873],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """The variant of cuDNN: n = tanh(W x + b + r * (U h + b'))."""

    def net(gate: int, past: Array) -> tuple[Array, Array]:
        size = past.shape[1]
        rows = slice(gate * size, (gate + 1) * size)
        return (
            x @ w["weight_ih"][rows].T + w["bias_ih"][rows],
            past @ w["weight_hh"][rows].T + w["bias_hh"][rows],
        )

    h = state["h"]
    r, z = sigmoid(sum(net(0, h))), sigmoid(sum(net(1, h)))
    ahead, back = net(2, h)
    n = np.tanh(ahead + r * back)
    return {"h": (1 - z) * n + z * h}


def test_equations() -> None:
    check_equations(GRUConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(golden("gru"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_torch(layers: int, bidirectional: bool, bias: bool, dtype: torch.dtype) -> None:
    check_torch(GRUConfig(), nn.GRU(3, 5, layers, bidirectional=bidirectional, bias=bias, batch_first=True), dtype)
