"""The quasi-recurrent network against its equations."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo.cells.qrnn import QRNNConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('qrnn')"
GOLDEN = [
    [0.08951740829622125, 0.14301892448739909],
    [0.1281544141922285, -0.530737186569845],
    [-0.03430658379131032, 0.10238077414332142],
]


def step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Bradbury et al. 2017, equations 1 to 4: the convolutions written out as sums over the window."""
    size = state["c"].shape[1]
    past = [value for name, value in sorted(state.items()) if name.startswith("past.")]
    inputs = [*past, x]

    def convolved(gate: int) -> Array:
        rows = w["weight_ih"][gate * size : (gate + 1) * size]
        total = w["bias_ih"][gate * size : (gate + 1) * size]
        for place, value in enumerate(inputs):
            total = total + value @ rows[:, place * x.shape[1] : (place + 1) * x.shape[1]].T
        return total

    z, f, o = np.tanh(convolved(0)), sigmoid(convolved(1)), sigmoid(convolved(2))
    c = f * state["c"] + (1 - f) * z
    return o * c, {"c": c} | {f"past.{place}": value for place, value in enumerate(inputs[1:])}


@pytest.mark.parametrize("window", [1, 2, 3])
def test_equations(window: int) -> None:
    check_recurrence(QRNNConfig(window=window), step)


def test_golden() -> None:
    check_golden("qrnn", GOLDEN)
