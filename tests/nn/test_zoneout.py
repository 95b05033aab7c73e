"""Zoneout: what is kept, how often, and what stands for it at evaluation."""

from __future__ import annotations

import pytest
import torch

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStackConfig, StackConfig
from rnnzoo.backbones.zoneout import Zoneout
from rnnzoo.cells import CellConfig
from rnnzoo.nn import zone_out
from rnnzoo.shapes import Tensor

LSTM, SLSTM = CellConfig.from_dict("lstm"), CellConfig.from_dict("slstm")


def test_in_training_each_unit_is_old_or_new() -> None:
    before, after = torch.zeros(50, 400), torch.ones(50, 400)
    mixed = zone_out(before, after, 0.3, training=True)
    assert set(mixed.unique().tolist()) == {0.0, 1.0}
    assert (mixed == before).double().mean() == pytest.approx(0.3, abs=0.02)  # standard deviation 0.003
    assert not torch.equal(mixed[0], mixed[1])
    assert not torch.equal(mixed, zone_out(before, after, 0.3, training=True))


def test_at_evaluation_it_is_the_expectation() -> None:
    before, after = torch.randn(3, 5), torch.randn(3, 5)
    torch.testing.assert_close(zone_out(before, after, 0.3, training=False), 0.3 * before + 0.7 * after)
    assert zone_out(before, after, 0.0, training=True) is after


def midway(cell: torch.nn.Module) -> tuple[Tensor, object]:
    return torch.randn(4, 3), states.map(torch.rand_like, cell.initial_state(4))


def test_the_steps_of_a_cell_under_zoneout() -> None:
    cell = Zoneout(LSTM.build(3, 50), 0.4)
    x, state = midway(cell)
    _, new = cell.cell.step(x, state)
    y, zoned = cell.step(x, state)
    assert y is zoned.h
    kept_h, kept_c = zoned.h == state.h, zoned.c == state.c
    assert torch.equal(torch.where(kept_h, state.h, new.h), zoned.h)
    assert torch.equal(torch.where(kept_c, state.c, new.c), zoned.c)
    assert not torch.equal(kept_h, kept_c)
    cell.eval()
    y, zoned = cell.step(x, state)
    torch.testing.assert_close(y, 0.4 * state.h + 0.6 * new.h)
    torch.testing.assert_close(zoned.c, 0.4 * state.c + 0.6 * new.c)


def test_a_stabilised_memory_is_left_alone() -> None:
    cell = Zoneout(SLSTM.build(3, 50), 0.4)
    x, state = midway(cell)
    _, new = cell.cell.step(x, state)
    _, zoned = cell.step(x, state)
    assert all(torch.equal(a, b) for a, b in zip(new[1:], zoned[1:], strict=True))
    assert (zoned.h == state.h).double().mean() == pytest.approx(0.4, abs=0.15)


def test_an_option_of_both_stacks() -> None:
    stack = StackConfig(LSTM, hidden_size=4, num_layers=2, zoneout=0.5, weight_dropout=0.5).build(3)
    both = BidirectionalStackConfig(LSTM, hidden_size=4, zoneout=0.5).build(3)
    x = torch.randn(2, 5, 3)
    for module in (stack, both):
        assert sum(isinstance(part, Zoneout) for part in module.modules()) == 2
        assert not torch.equal(module(x)[0], module(x)[0])
        module.eval()
        assert torch.equal(module(x)[0], module(x)[0])
    assert stack.fusable_cells() is None
    assert not any(isinstance(part, Zoneout) for part in StackConfig(LSTM, hidden_size=4).build(3).modules())


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"0 <= \w+ < 1"):
        StackConfig(zoneout=1.0)
