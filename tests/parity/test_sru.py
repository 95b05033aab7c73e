"""The simple recurrent unit against its equations."""

from __future__ import annotations

import numpy as np

from rnnzoo.cells.sru import SRUConfig

from .recurrence import Step, Values, check_golden, check_recurrence
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('sru')"
GOLDEN = [
    [0.9438487509926484, 0.8986409569639744],
    [-0.5205110224910214, -0.9048703995978045],
    [-0.7957854402208907, 0.3008474304375852],
]


def step_with(highway_bias: float) -> Step:
    """The scaling correction of section 3.2 is a constant, fixed by the bias at the start."""
    alpha = np.sqrt(1 + 2 * np.exp(highway_bias))

    def step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
        """Lei et al. 2018, equations 1 to 4."""
        size, past = state["c"].shape[1], state["c"]
        content = x @ w["weight_ih"][:size].T
        f = sigmoid(x @ w["weight_ih"][size : 2 * size].T + w["weight_hh"][:size] * past + w["bias_ih"][:size])
        r = sigmoid(x @ w["weight_ih"][2 * size : 3 * size].T + w["weight_hh"][size:] * past + w["bias_ih"][size:])
        c = f * past + (1 - f) * content
        highway = x if x.shape[1] == size else x @ w["weight_ih"][3 * size :].T
        return r * c + (1 - r) * alpha * highway, {"c": c}

    return step


def test_equations() -> None:
    check_recurrence(SRUConfig(), step_with(0.0))
    check_recurrence(SRUConfig(), step_with(0.0), input_size=4)  # the highway is the input itself
    check_recurrence(SRUConfig(highway_bias=-2.0), step_with(-2.0))


def test_golden() -> None:
    check_golden("sru", GOLDEN)
