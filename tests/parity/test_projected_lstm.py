"""The LSTM with a projected output, against its equations and against nn.LSTM with proj_size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rnnzoo.backbones import StackConfig
from rnnzoo.cells._kernel import run_kernel
from rnnzoo.cells.lstm import LSTMConfig
from rnnzoo.cells.projected_lstm import ProjectedLSTMConfig
from rnnzoo.errors import UserError
from rnnzoo.testing import make_case
from rnnzoo.testing.results import compare, run

from .cases import check_equations, check_torch, golden
from .reference import Array, Weights, blocks, sigmoid

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # nn.LSTM says so

# python -c "from tests.parity.cases import golden; golden('projected_lstm')"
GOLDEN = [
    [-0.5646743017070728],
    [-0.18921728583168226],
    [-0.12783522789310917],
]


def step(x: Array, state: dict[str, Array], w: Weights) -> dict[str, Array]:
    """Sak et al. 2014 without peepholes: what is shown is projected, and only the projection recurs."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    parts = zip(*(blocks(w, name, 4) for name in names), strict=True)
    i, f, g, o = (x @ ahead.T + b + state["h"] @ back.T + d for ahead, back, b, d in parts)
    c = sigmoid(f) * state["c"] + sigmoid(i) * np.tanh(g)
    return {"h": (sigmoid(o) * np.tanh(c)) @ w["weight_hr"].T, "c": c}


@pytest.mark.parametrize("size", [None, 1, 4])
def test_equations(size: int | None) -> None:
    check_equations(ProjectedLSTMConfig(size), step)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_torch(layers: int, bidirectional: bool, bias: bool, dtype: torch.dtype) -> None:
    options = {"bidirectional": bidirectional, "bias": bias, "batch_first": True, "proj_size": 2}
    check_torch(ProjectedLSTMConfig(2), nn.LSTM(3, 5, layers, **options), dtype)


@pytest.mark.parametrize("lengths", [None, (1, 6, 0, 4)], ids=str)
def test_the_kernel_that_a_gpu_runs(lengths: tuple[int, ...] | None) -> None:
    case = make_case(StackConfig(ProjectedLSTMConfig(2), hidden_size=5, num_layers=3))
    cells = case.cell.fusable_cells()
    assert cells is not None
    ends = None if lengths is None else torch.tensor(lengths)
    got = run(case, lambda x, state: run_kernel(cells, x, state, ends), case.x, case.state)
    compare(got, run(case, lambda x, state: case.cell(x, state, ends), case.x, case.state), case.tolerance)


def test_kernels_of_different_networks_are_not_one() -> None:
    for cells in ((ProjectedLSTMConfig(2), LSTMConfig()), (ProjectedLSTMConfig(2), ProjectedLSTMConfig(3))):
        assert StackConfig(cells=cells, hidden_size=5).build(3).fusable_cells() is None


def test_a_projection_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="proj_size 5 is not less than the hidden size 5"):
        ProjectedLSTMConfig(5).build(3, 5)


def test_golden() -> None:
    torch.testing.assert_close(golden("projected_lstm"), torch.tensor(GOLDEN, dtype=torch.float64), rtol=0, atol=1e-14)
