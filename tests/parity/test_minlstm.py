"""The minLSTM against its equations."""

from __future__ import annotations

import numpy as np

from rnnzoo.cells.minlstm import MinLSTMConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('minlstm')"
GOLDEN = [
    [0.31153889847391764, -0.9082765869274269],
    [-0.49257856782362597, 0.4469622056580846],
    [-1.04899204863824, 0.059191523237920055],
]


def step(x: Array, state: Values, w: Values, positive: bool = False) -> tuple[Array, dict[str, Array]]:
    """Feng et al. 2024, section 3.2.4, with the two gates as a quotient; g as in appendix B."""
    size = state["h"].shape[1]
    i, f, n = (x @ w["weight_ih"][rows].T + w["bias_ih"][rows] for rows in np.split(np.arange(3 * size), 3))
    i, f = sigmoid(i), sigmoid(f)
    if positive:
        n = np.where(n.real >= 0, n + 0.5, sigmoid(n))
    h = f / (f + i) * state["h"] + i / (f + i) * n
    return h, {"h": h}


def positive_step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    return step(x, state, w, positive=True)


def test_equations() -> None:
    check_recurrence(MinLSTMConfig(), step)
    check_recurrence(MinLSTMConfig(positive=True), positive_step)


def test_golden() -> None:
    check_golden("minlstm", GOLDEN)
