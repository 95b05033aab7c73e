"""The real-gated linear recurrent unit against its equations."""

from __future__ import annotations

import numpy as np

from rnnzoo.cells.rglru import RGLRUConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('rglru')"
GOLDEN = [
    [0.3013732327338201, 0.18501433500692205],
    [-0.24559643741721593, -0.20389453492369358],
    [-0.41475634304969333, 0.10372410684212938],
]


def step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """De et al. 2024, equations 1 to 4, the decay as a power of sigmoid(Lambda), head by head."""
    if "weight_in" in w:
        x = x @ w["weight_in"].T
    heads, size = w["weight_gates"].shape[0], w["weight_gates"].shape[2]
    r, i = np.zeros(x.shape, complex), np.zeros(x.shape, complex)
    for head in range(heads):
        units = slice(head * size, (head + 1) * size)
        gates = sigmoid(x[:, units] @ w["weight_gates"][head].T + w["bias_gates"][head])
        r[:, units], i[:, units] = gates[:, :size], gates[:, size:]
    a = sigmoid(w["decay"]) ** (8 * r)
    h = a * state["h"] + np.sqrt(1 - a**2) * (i * x)
    return h, {"h": h}


def test_equations() -> None:
    check_recurrence(RGLRUConfig(), step)
    check_recurrence(RGLRUConfig(heads=2), step, input_size=4)  # nothing is projected


def test_golden() -> None:
    check_golden("rglru", GOLDEN)
