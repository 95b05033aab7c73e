"""Elman's network against its equation and against nn.RNN."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from rnnzoo.cells.rnn import RNNConfig

from .cases import check_equations, check_torch
from .reference import Array, Weights


def tanh_step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Elman 1990, with the tangent."""
    return {"h": np.tanh(x @ w["weight_ih"].T + w["bias_ih"] + state["h"] @ w["weight_hh"].T + w["bias_hh"])}


def relu_step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Le, Jaitly & Hinton 2015: the rectifier in its place."""
    a = x @ w["weight_ih"].T + w["bias_ih"] + state["h"] @ w["weight_hh"].T + w["bias_hh"]
    return {"h": np.where(a.real > 0, a, 0)}


def test_equations() -> None:
    check_equations(RNNConfig(), tanh_step)
    check_equations(RNNConfig("relu"), relu_step)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_torch(
    nonlinearity: Literal["tanh", "relu"], layers: int, bidirectional: bool, bias: bool, dtype: torch.dtype
) -> None:
    module = nn.RNN(3, 5, layers, nonlinearity=nonlinearity, bidirectional=bidirectional, bias=bias, batch_first=True)
    check_torch(RNNConfig(nonlinearity), module, dtype)
