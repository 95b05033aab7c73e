"""The linear recurrent unit against its equations, in real numbers."""

from __future__ import annotations

import numpy as np

from rnnzoo.cells.lru import LRUConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array

# python -c "from tests.parity.recurrence import golden; golden('lru')"
GOLDEN = [
    [1.9364089286704065, -1.7125753101057946],
    [-2.6279048761637993, 2.629102767969284],
    [0.19094037518452833, -0.8289021772200401],
]


def step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Orvieto et al. 2023, sections 3.2 to 3.4, with each complex number as the pair of its parts."""
    modulus, phase = np.exp(-np.exp(w["nu"])), np.exp(w["theta"])
    lambda_re, lambda_im = modulus * np.cos(phase), modulus * np.sin(phase)
    scale = np.exp(w["gamma"])
    written_re, written_im = scale * (x @ w["weight_b"][::2].T), scale * (x @ w["weight_b"][1::2].T)
    re = lambda_re * state["re"] - lambda_im * state["im"] + written_re
    im = lambda_re * state["im"] + lambda_im * state["re"] + written_im
    c_re, c_im = w["weight_c"][:, ::2], -w["weight_c"][:, 1::2]
    return re @ c_re.T - im @ c_im.T + x @ w["weight_d"].T, {"re": re, "im": im}


def test_equations() -> None:
    check_recurrence(LRUConfig(), step)
    check_recurrence(LRUConfig(state_size=3), step)


def test_golden() -> None:
    check_golden("lru", GOLDEN)
