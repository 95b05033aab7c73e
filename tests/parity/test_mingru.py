"""The minGRU against its equations."""

from __future__ import annotations

import numpy as np

from rnnzoo.cells.mingru import MinGRUConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('mingru')"
GOLDEN = [
    [-0.7828223748044201, -0.5569052701201012],
    [0.315889934505993, -0.9948053223524772],
    [0.35164747301486143, -0.6379950982222283],
]


def vanilla(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Feng et al. 2024, section 3.1.3."""
    size = state["h"].shape[1]
    z = sigmoid(x @ w["weight_ih"][:size].T + w["bias_ih"][:size])
    n = x @ w["weight_ih"][size:].T + w["bias_ih"][size:]
    h = (1 - z) * state["h"] + z * n
    return h, {"h": h}


def positive(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """The content through g of appendix B, as in the paper's listing of the log-space form."""
    size = state["h"].shape[1]
    z = sigmoid(x @ w["weight_ih"][:size].T + w["bias_ih"][:size])
    n = x @ w["weight_ih"][size:].T + w["bias_ih"][size:]
    h = (1 - z) * state["h"] + z * np.where(n.real >= 0, n + 0.5, sigmoid(n))
    return h, {"h": h}


def test_equations() -> None:
    check_recurrence(MinGRUConfig(), vanilla)
    check_recurrence(MinGRUConfig(positive=True), positive)


def test_golden() -> None:
    check_golden("mingru", GOLDEN)
