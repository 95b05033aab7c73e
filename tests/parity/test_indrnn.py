"""The independently recurrent network against its equation."""

from __future__ import annotations

import numpy as np

from rnnzoo.cells.indrnn import IndRNNConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array

# python -c "from tests.parity.recurrence import golden; golden('indrnn')"
GOLDEN = [
    [1.7846816326424708, 1.3723126488613666],
    [1.5780052767471013, 0.870851371716416],
    [2.4758365796366233, 0.3786568668957659],
]


def rectified(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Li et al. 2018, equation 2."""
    a = x @ w["weight_ih"].T + w["weight_hh"] * state["h"] + w["bias_ih"]
    h = np.where(a.real > 0, a, 0)
    return h, {"h": h}


def tangent(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    h = np.tanh(x @ w["weight_ih"].T + w["weight_hh"] * state["h"] + w["bias_ih"])
    return h, {"h": h}


def test_equations() -> None:
    check_recurrence(IndRNNConfig(), rectified)
    check_recurrence(IndRNNConfig("tanh"), tangent)


def test_golden() -> None:
    check_golden("indrnn", GOLDEN)
