"""Gated DeltaNet against its equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnzoo.cells.gated_deltanet import GatedDeltaNetConfig

from .recurrence import Values, check_golden, check_recurrence
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('gated_deltanet')"
GOLDEN = [
    [-0.06615683085859184, -0.008169681455807237],
    [0.15590229827939905, -0.4140136697755798],
    [-0.016324283080190533, 0.14276667552307054],
]


def step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Yang et al. 2024, equation 10, with I - beta k k^T as a matrix; alpha as in Mamba-2."""
    heads, size = state["s"].shape[1:3]
    q, k, v = ((a * sigmoid(a)).reshape(len(x), heads, size) for a in np.split(x @ w["weight_ih"].T, 3, axis=1))
    q, k = (a / np.sqrt((a * a).sum(-1, keepdims=True) + 1e-6) for a in (q, k))
    gates = x @ w["weight_gates"].T
    alpha = np.exp(-np.exp(w["log_a"]) * np.log(1 + np.exp(gates[:, :heads] + w["bias_alpha"])))[:, :, None, None]
    beta = sigmoid(gates[:, heads:])[:, :, None, None]
    erase = np.eye(size) - beta * k[..., :, None] * k[..., None, :]
    s = alpha * state["s"] @ erase + beta * v[..., :, None] * k[..., None, :]
    return np.einsum("bnvk,bnk->bnv", s, q).reshape(len(x), -1), {"s": s}


@pytest.mark.parametrize("config", [{}, {"heads": 2, "chunk_size": 3}, {"chunk_size": 1}], ids=str)
def test_equations(config: dict[str, int]) -> None:
    check_recurrence(GatedDeltaNetConfig(**config), step)


def test_a_key_is_rewritten_not_added_to() -> None:
    """The delta rule: without decay and with beta = 1, the memory answers a key with the value written last."""
    cell = GatedDeltaNetConfig(chunk_size=3).build(4, 4).double()
    with torch.no_grad():
        cell.log_a.fill_(-torch.inf)  # alpha is 1
        cell.weight_gates.fill_(0)
        cell.weight_gates[1, 3] = 1000.0  # beta is 1
    x = torch.tensor([[[1.0, 0, 0, 1], [0, 1, 0, 1], [0.5, 1, 0, 1], [1, 0, 0, 1]]], dtype=torch.float64)
    inputs = cell.inputs(x, None)
    _, final = cell(x)
    key, value = inputs[1][0, -1], inputs[2][0, -1]
    torch.testing.assert_close(final.s[0, 0] @ key, value, rtol=1e-5, atol=1e-5)


def test_golden() -> None:
    check_golden("gated_deltanet", GOLDEN)
