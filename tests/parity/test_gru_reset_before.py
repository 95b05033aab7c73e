"""The GRU with the reset gate before the product, against its equations, and told apart from the other."""

from __future__ import annotations

import numpy as np
import torch

from rnnzoo.cells import gru, gru_reset_before
from rnnzoo.cells.gru_reset_before import GRUResetBeforeConfig

from .cases import check_equations, golden
from .reference import Array, Weights, sigmoid
from .test_gru import GOLDEN as GOLDEN_OF_RESET_AFTER

# python -c "from tests.parity.cases import golden; golden('gru_reset_before')"
GOLDEN = [
    [0.9373889886901821, 0.10328553207731846],
    [0.056711997555676574, 0.7482738835329173],
    [-0.15420191268958883, 0.8395467300255224],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Cho et al. 2014, equations 5 to 8: n = tanh(W x + b + U (r * h) + b')."""

    def net(gate: int, past: Array) -> tuple[Array, Array]:
        size = past.shape[1]
        rows = slice(gate * size, (gate + 1) * size)
        return (
            x @ w["weight_ih"][rows].T + w["bias_ih"][rows],
            past @ w["weight_hh"][rows].T + w["bias_hh"][rows],
        )

    h = state["h"]
    r, z = sigmoid(sum(net(0, h))), sigmoid(sum(net(1, h)))
    n = np.tanh(sum(net(2, r * h)))
    return {"h": (1 - z) * n + z * h}


def test_equations() -> None:
    check_equations(GRUResetBeforeConfig(), step)


def test_golden() -> None:
    torch.testing.assert_close(
        golden("gru_reset_before"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14
    )


def test_it_is_not_the_other_variant() -> None:
    assert np.abs(np.subtract(GOLDEN, GOLDEN_OF_RESET_AFTER)).max() > 0.05
    after, before = gru(3, 5), gru_reset_before(3, 5)
    before.load_state_dict(after.state_dict())  # the same weights, under the same names
    x = torch.randn(2, 6, 3)
    assert not torch.allclose(after(x)[0], before(x)[0], atol=1e-3)
