"""The matrix LSTM against its equations, stabilised and not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnzoo.cells.mlstm import MLSTMConfig

from .recurrence import Values, check_golden, check_recurrence, run
from .reference import Array, sigmoid

# python -c "from tests.parity.recurrence import golden; golden('mlstm')"
GOLDEN = [
    [-0.13159021939520385, 1.2541962320611753],
    [0.21086277914669244, 0.1281986882395399],
    [-0.5093621597818258, 0.7179191500029504],
]


def gates(x: Array, w: Values, heads: int) -> tuple[Array, ...]:
    """q, k, v (B, heads, K), o (B, H), and the arguments of i and f (B, heads)."""
    size = w["weight_ih"].shape[0] // 4
    q, k, v, o = np.split(x @ w["weight_ih"].T + w["bias_ih"], 4, axis=1)
    q, k, v = (value.reshape(len(x), heads, size // heads) for value in (q, k, v))
    gate = x @ w["weight_gates"].T + w["bias_gates"]
    return q, k / np.sqrt(size // heads), v, sigmoid(o), gate[:, :heads], gate[:, heads:]


def absolute(a: Array) -> Array:
    return np.where(a.real < 0, -a, a)


def larger(a: Array, b: Array) -> Array:
    return np.where(a.real >= b.real, a, b)


def step(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Beck et al. 2024, appendix A: i exp(-m) and f exp(m_{t-1} - m) in the place of i and f."""
    q, k, v, o, i, f = gates(x, w, state["m"].shape[1])
    log_f = -np.log(1 + np.exp(-f))
    m = larger(log_f + state["m"], i)
    i, f = np.exp(i - m), np.exp(log_f + state["m"] - m)
    c = f[:, :, None, None] * state["c"] + i[:, :, None, None] * np.einsum("bnv,bnk->bnvk", v, k)
    n = f[:, :, None] * state["n"] + i[:, :, None] * k
    seen = larger(absolute(np.einsum("bnk,bnk->bn", n, q)), np.exp(-m))
    h = np.einsum("bnvk,bnk->bnv", c, q) / seen[:, :, None]
    return o * h.reshape(len(x), -1), {"c": c, "n": n, "m": m}


def unstabilised(x: Array, state: Values, w: Values) -> tuple[Array, dict[str, Array]]:
    """Equations 19 to 27 as they stand, with the 1 in the denominator; m stays what it is."""
    q, k, v, o, i, f = gates(x, w, state["m"].shape[1])
    i, f = np.exp(i), sigmoid(f)
    c = f[:, :, None, None] * state["c"] + i[:, :, None, None] * np.einsum("bnv,bnk->bnvk", v, k)
    n = f[:, :, None] * state["n"] + i[:, :, None] * k
    seen = larger(absolute(np.einsum("bnk,bnk->bn", n, q)), np.ones(i.shape))
    h = np.einsum("bnvk,bnk->bnv", c, q) / seen[:, :, None]
    return o * h.reshape(len(x), -1), {"c": c, "n": n, "m": state["m"]}


@pytest.mark.parametrize("config", [MLSTMConfig(), MLSTMConfig(heads=2, chunk_size=3), MLSTMConfig(chunk_size=1)])
def test_equations(config: MLSTMConfig) -> None:
    check_recurrence(config, step)


@pytest.mark.parametrize("config", [MLSTMConfig(), MLSTMConfig(heads=2, chunk_size=3)])
def test_the_stabiliser_changes_nothing(config: MLSTMConfig) -> None:
    """From the zero state on, and in C exp(m) and n exp(m), which the stabilised state stands for."""
    torch.manual_seed(0)
    cell, x = config.build(3, 4).double(), torch.randn(2, 7, 3, dtype=torch.float64)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    y, final = cell(x)
    data = {"x": x.numpy()} | {f"state {name}": leaf.numpy() for name, leaf in cell.initial_state(2)._asdict().items()}
    data |= {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
    want_y, want = run(unstabilised, data)
    np.testing.assert_allclose(y.detach().numpy(), want_y, rtol=1e-12, atol=1e-12)
    scale = final.m.exp()
    np.testing.assert_allclose((final.c * scale[..., None, None]).detach().numpy(), want["c"], rtol=1e-12)
    np.testing.assert_allclose((final.n * scale[..., None]).detach().numpy(), want["n"], rtol=1e-12)


def test_gates_far_from_zero_give_no_infinity() -> None:
    """exp(200) is none of float32's numbers, and neither is exp(-200) below a quotient."""
    for bias in (200.0, -200.0):
        cell = MLSTMConfig(heads=2, chunk_size=4).build(3, 4)
        with torch.no_grad():
            cell.bias_gates[:2] = bias
        x = torch.randn(2, 9, 3, requires_grad=True)
        y, final = cell(x)
        gradients = torch.autograd.grad(y.sum() + final.n.sum(), [x, *cell.parameters()])
        assert all(tensor.isfinite().all() for tensor in (y, *final, *gradients))


def test_golden() -> None:
    check_golden("mlstm", GOLDEN)
