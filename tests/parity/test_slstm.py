"""The sLSTM against Beck et al. 2024, equations 8 to 17, and without its stabiliser."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from rnnzoo.cells.slstm import SLSTMConfig

from .cases import check_equations, golden
from .reference import Array, Step, Weights, run, sigmoid

# python -c "from tests.parity.cases import golden; golden('slstm')"
GOLDEN = [
    [0.5616996047398337, -0.6245760976842626],
    [0.3949998520994629, 0.15904498268501036],
    [-0.17205760373272402, 0.16681103730817606],
]


def step_of(heads: int, forget_gate: str) -> Step:
    def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
        """Head by head; the new state's m is the larger of two logarithms."""
        size = state["h"].shape[1] // heads
        new: dict[str, list[Array]] = {"h": [], "c": [], "n": [], "m": []}
        for head in range(heads):
            rows, units = slice(4 * size * head, 4 * size * (head + 1)), slice(size * head, size * (head + 1))
            h, c, n, m = (state[name][:, units] for name in ("h", "c", "n", "m"))
            recurrent = w["weight_hh"].reshape(heads, 4 * size, size)[head]
            i, f, z, o = np.split(x @ w["weight_ih"][rows].T + h @ recurrent.T + w["bias"][rows], 4, axis=1)
            log_f = f if forget_gate == "exp" else np.log(sigmoid(f))
            larger = np.where((log_f + m).real > i.real, log_f + m, i)
            keep, write = np.exp(log_f + m - larger), np.exp(i - larger)
            memory, normaliser = keep * c + write * np.tanh(z), keep * n + write
            for name, value in zip(new, (sigmoid(o) * memory / normaliser, memory, normaliser, larger), strict=True):
                new[name].append(value)
        return {name: np.concatenate(parts, axis=1) for name, parts in new.items()}

    return step


CONFIGS = [SLSTMConfig(), SLSTMConfig(forget_gate="sigmoid"), SLSTMConfig(heads=5), SLSTMConfig(5, "sigmoid")]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_equations(config: SLSTMConfig) -> None:
    check_equations(config, step_of(config.heads, config.forget_gate), positive="n")


@pytest.mark.parametrize("forget_gate", ["exp", "sigmoid"])
def test_the_stabiliser_changes_no_output(forget_gate: Literal["exp", "sigmoid"]) -> None:
    """Equations 8 to 14 without m, where nothing overflows."""

    def plain(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
        i, f, z, o = np.split(x @ w["weight_ih"].T + state["h"] @ w["weight_hh"][0].T + w["bias"], 4, axis=1)
        keep = np.exp(f) if forget_gate == "exp" else sigmoid(f)
        c, n = keep * state["c"] + np.exp(i) * np.tanh(z), keep * state["n"] + np.exp(i)
        return {"h": sigmoid(o) * c / n, "c": c, "n": n}

    cell = SLSTMConfig(forget_gate=forget_gate).build(3, 5).double()
    x = torch.randn(2, 8, 3, dtype=torch.float64)
    weights = {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
    want, _ = run(plain, x.numpy(), {name: np.zeros((2, 5)) for name in ("h", "c", "n")}, weights)
    np.testing.assert_allclose(cell(x)[0].detach().numpy(), want, rtol=0, atol=1e-13)


def test_gates_that_would_overflow_do_not() -> None:
    cell = SLSTMConfig().build(3, 5)
    y, state = cell(200 * torch.randn(2, 50, 3))
    y.sum().backward()
    assert all(leaf.isfinite().all() for leaf in (y, *state))
    assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())


def test_golden() -> None:
    torch.testing.assert_close(golden("slstm"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
