"""What a stack is made of, the kernel that runs several layers at once, and foreign weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStackConfig, Stack, StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.cells._kernel import run_kernel
from rnnzoo.cells.rnn import RNNConfig
from rnnzoo.errors import UserError
from rnnzoo.nn import LockedDropout
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.testing import TOLERANCES, Case, make_case
from rnnzoo.testing.results import compare, run

RNN, LSTM, GRU, BEFORE = (CellConfig.from_dict(name) for name in ("rnn", "lstm", "gru", "gru_reset_before"))
RELU = RNNConfig("relu")


# -- the multi-layer kernel, which CUDA runs, held to the layers one by one on a CPU ----------------------------------


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("lengths", [None, (1, 6, 0, 4), (0, 0, 0, 0), (6, 6, 6, 6)], ids=str)
@pytest.mark.parametrize("weight_dropout", [0.0, 0.5])
@pytest.mark.parametrize("cell", [RNN, RELU, LSTM, GRU], ids=str)
def test_one_kernel_call_equals_the_layers_one_by_one(
    cell: CellConfig, weight_dropout: float, lengths: tuple[int, ...] | None, dtype: torch.dtype
) -> None:
    case = make_case(StackConfig(cell, hidden_size=5, num_layers=3, weight_dropout=weight_dropout), dtype)
    ends = None if lengths is None else torch.tensor(lengths)
    cells = case.cell.fusable_cells()
    assert cells is not None
    assert len(cells) == 3

    def fused(x: Tensor, state: State) -> tuple[Tensor, State]:
        return run_kernel(cells, x, state, ends)

    def layered(x: Tensor, state: State) -> tuple[Tensor, State]:
        return case.cell(x, state, ends)  # type: ignore[no-any-return]

    x = case.x
    if ends is not None:
        x = torch.where((torch.arange(6) < ends[:, None])[:, :, None], x, torch.nan)
    compare(run(case, fused, x, case.state), run(case, layered, x, case.state), case.tolerance)


def _fused(case: Case, training: bool) -> Tensor:
    case.cell.train(training)
    y, _ = run_kernel(case.cell.fusable_cells(), case.x, case.state, None, dropout=0.5)
    return y


def test_the_kernels_dropout_lies_between_the_layers_in_training_only() -> None:
    case = make_case(StackConfig(LSTM, hidden_size=5, num_layers=2, hidden_dropout=0.5))
    assert torch.equal(_fused(case, training=False), case.cell(case.x, case.state)[0])
    trained = _fused(case, training=True)
    assert not torch.equal(trained, _fused(case, training=True))
    assert (trained == 0).sum() == 0  # not on the last layer's output


@pytest.mark.parametrize(
    ("fusable", "options"),
    [
        (True, {"num_layers": 2}),
        (True, {"num_layers": 2, "hidden_dropout": 0.5}),
        (True, {"num_layers": 2, "weight_dropout": 0.5}),
        (True, {"num_layers": 2, "locked_dropout": True}),  # of nothing
        (True, {"cells": (LSTM, CellConfig.from_dict({"name": "lstm", "forget_bias": 0.0}))}),
        (False, {"num_layers": 1}),  # nothing to gain
        (False, {"num_layers": 2, "residual": True}),
        (False, {"num_layers": 2, "layer_norm": True}),
        (False, {"num_layers": 2, "locked_dropout": True, "hidden_dropout": 0.5}),
        (False, {"cells": (LSTM, GRU)}),
        (False, {"cells": (RNN, RELU)}),  # one class, two kernels
        (False, {"cell": BEFORE, "num_layers": 2}),
    ],
)
def test_which_stacks_one_kernel_can_run(fusable: bool, options: dict[str, Any]) -> None:
    stack = StackConfig(hidden_size=4, **options).build(3)
    assert (stack.fusable_cells() is not None) == fusable


# -- what stands between the layers ----------------------------------------------------------------------------------


def test_layers_sizes_and_norms() -> None:
    stack = StackConfig(cells=(RNN, LSTM, GRU), hidden_size=4, layer_norm=True).build(3)
    assert [type(cell).__name__ for cell in stack.cells] == ["RNN", "LSTM", "GRU"]
    assert [(cell.input_size, cell.output_size) for cell in stack.cells] == [(3, 4), (4, 4), (4, 4)]
    assert (stack.input_size, stack.output_size, len(stack.norms)) == (3, 4, 2)
    assert states.flatten(stack.initial_state(2)).keys() == {"0.h", "1.h", "1.c", "2.h"}


def test_layers_do_not_share_weights() -> None:
    stack = StackConfig(LSTM, hidden_size=4, num_layers=3).build(4)
    first, *others = [cell.weight_hh for cell in stack.cells]
    assert all(not torch.equal(first, other) for other in others)


def test_the_parts_put_together_by_hand() -> None:
    """Norm, dropout, cell, and the sum with what came in: in this order."""
    stack = StackConfig(GRU, hidden_size=4, num_layers=2, residual=True, layer_norm=True).build(4)
    x = torch.randn(2, 6, 4)
    first, second = stack.cells
    middle = x + first(x)[0]
    want = middle + second(stack.norms[0](middle))[0]
    torch.testing.assert_close(stack(x)[0], want)


def test_no_residual_where_sizes_differ() -> None:
    plain = StackConfig(GRU, hidden_size=4).build(3)
    residual = StackConfig(GRU, hidden_size=4, residual=True).build(3)
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(2, 6, 3)
    assert torch.equal(plain(x)[0], residual(x)[0])


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_lies_between_the_layers_only(locked: bool) -> None:
    single = StackConfig(LSTM, hidden_size=4, hidden_dropout=0.9, locked_dropout=locked).build(3)
    x = torch.randn(2, 6, 3)
    assert torch.equal(single(x)[0], single(x)[0])
    double = StackConfig(LSTM, hidden_size=4, num_layers=2, hidden_dropout=0.5, locked_dropout=locked).build(3)
    assert isinstance(double.dropout, LockedDropout if locked else nn.Dropout)
    assert not torch.equal(double(x)[0], double(x)[0])
    seen = []
    double.dropout.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    double(x)
    ((before, after),) = seen
    mask = after / before
    assert sorted({round(v, 4) for v in mask.unique().tolist()}) == [0.0, 2.0]
    assert torch.allclose(mask, mask[:, :1].expand_as(mask)) == locked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 0}, r"1 <= \w+ <= 1"),
        ({"num_layers": 0}, r"1 <= \w+ <= 1"),
        ({"cells": (RNN, GRU), "num_layers": 3}, "num_layers is 3, but there are 2 cells"),
        ({"hidden_dropout": 1.0}, r"0 <= \w+ < 1"),
        ({"weight_dropout": -0.1}, r"0 <= \w+ < 1"),
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StackConfig(**options)
    plain = {key: [c.to_dict() for c in v] if isinstance(v, tuple) else v for key, v in options.items()}
    with pytest.raises(UserError, match=rf"^backbone(\.\w+)?: {message}"):
        StackConfig.from_dict(plain, "backbone")


def test_config_round_trip() -> None:
    config = StackConfig(cells=(RELU, LSTM), hidden_size=7, residual=True, hidden_dropout=0.25)
    assert StackConfig.from_dict(config.to_dict()) == config
    assert config.to_dict()["cells"][0] == {"name": "rnn", "nonlinearity": "relu"}
    assert StackConfig.from_dict({"cell": "gru"}) == StackConfig(GRU)
    with pytest.raises(UserError, match=r"^backbone\.cells\[1\]\.forget_bias: expected float, not 'x'"):
        StackConfig.from_dict({"cells": ["gru", {"name": "lstm", "forget_bias": "x"}]}, "backbone")


# -- PyTorch's weights -------------------------------------------------------------------------------------------------


def test_loading_keeps_weight_dropout_on() -> None:
    module = nn.LSTM(3, 4, 2, batch_first=True)
    stack = StackConfig(LSTM, hidden_size=4, num_layers=2, weight_dropout=0.5).build(3)
    stack.load_torch(module.state_dict())
    x = torch.randn(2, 5, 3)
    assert not torch.allclose(stack(x)[0], module(x)[0])
    torch.testing.assert_close(stack.eval()(x)[0], module(x)[0])


def test_a_cell_loads_pytorchs_cell() -> None:
    theirs, cell = nn.GRUCell(3, 4), GRU.build(3, 4)
    cell.load_torch(theirs.state_dict())
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    torch.testing.assert_close(cell.step(x, type(cell.initial_state(2))(h))[0], theirs(x, h))


def test_weights_that_do_not_fit_are_refused() -> None:
    stack = StackConfig(LSTM, hidden_size=4, num_layers=2).build(3)
    with pytest.raises(ValueError, match=r"the weights are of 1 layers, the stack has 2"):
        stack.load_torch(nn.LSTM(3, 4).state_dict())
    with pytest.raises(ValueError, match=r"weight_ih_l0 is \(16, 5\), expected \(16, 3\)"):
        stack.load_torch(nn.LSTM(5, 4, 2).state_dict())
    with pytest.raises(ValueError, match=r"weight_ih_l0 is \(12, 3\), expected \(16, 3\)"):
        stack.load_torch(nn.GRU(3, 4, 2).state_dict())
    weights = nn.LSTM(3, 4, 2).state_dict()
    del weights["weight_ih_l1"]
    with pytest.raises(KeyError, match="weight_ih_l1"):
        stack.load_torch(weights)
    mixed = StackConfig(cells=(GRU, BEFORE), hidden_size=4).build(3)
    with pytest.raises(ValueError, match="layer 1 is a GRUResetBefore, which PyTorch does not have"):
        mixed.load_torch(nn.GRU(3, 4, 2).state_dict())
    both = BidirectionalStackConfig(LSTM, hidden_size=4, num_layers=2).build(3)
    with pytest.raises(ValueError, match=r"the weights are of 1 bidirectional layers, the stack has 2"):
        both.load_torch(nn.LSTM(3, 4, 1, bidirectional=True).state_dict())
    with pytest.raises(ValueError, match=r"weight_ih_l0 is \(20, 3\), expected \(16, 3\)"):
        both.load_torch(nn.LSTM(3, 5, 2, bidirectional=True).state_dict())


def test_weights_of_both_directions_are_not_halved_silently() -> None:
    stack = StackConfig(LSTM, hidden_size=4).build(3)
    with pytest.raises(ValueError, match="layers"):
        stack.load_torch(nn.LSTM(3, 4, bidirectional=True).state_dict())
    with pytest.raises((ValueError, KeyError)):
        BidirectionalStackConfig(LSTM, hidden_size=4).build(3).load_torch(nn.LSTM(3, 4, 2).state_dict())


def test_projections_are_refused() -> None:
    """nn.LSTM(proj_size=...) is another network: its h is smaller than its c."""
    stack = StackConfig(LSTM, hidden_size=4).build(3)
    with pytest.raises(ValueError, match=r"weight_hh_l0 is \(16, 2\), expected \(16, 4\)"):
        stack.load_torch(nn.LSTM(3, 4, proj_size=2).state_dict())


def test_a_state_of_another_batch_is_refused() -> None:
    stack: Stack = StackConfig(LSTM, hidden_size=4, num_layers=2).build(3)
    with pytest.raises(ValueError, match=r"state 0\.h is \(4, 4\): expected 2 rows"):
        stack(torch.randn(2, 5, 3), stack.initial_state(4))
