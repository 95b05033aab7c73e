"""Rows of different lengths: the mask, the zeros, and what stood at a row's end."""

from __future__ import annotations

import torch

from rnnzoo.nn import last_step, valid_steps, zero_padding

LENGTHS = torch.tensor([2, 0, 3])


def test_valid_steps() -> None:
    want = [[True, True, False], [False, False, False], [True, True, True]]
    assert valid_steps(LENGTHS, 3, torch.device("cpu")).tolist() == want


def test_zero_padding_stops_nan_and_its_gradient() -> None:
    x = torch.full((3, 3, 2), torch.nan)
    x[0, :2], x[2] = 1.0, 2.0
    x.requires_grad_()
    y = zero_padding(x, LENGTHS)
    assert y.sum().item() == 2 * 2 * 1 + 3 * 2 * 2
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert gradient[0, 2].tolist() == [0, 0]
    assert zero_padding(x, None) is x


def test_last_step() -> None:
    steps, before = torch.arange(18.0).view(3, 3, 2), -torch.ones(3, 2)
    assert last_step(steps, before, LENGTHS).tolist() == [[2, 3], [-1, -1], [16, 17]]
    last = last_step(steps, before, None)
    assert last.tolist() == [[4, 5], [10, 11], [16, 17]]
    assert last.untyped_storage().nbytes() == last.nbytes  # a carried state keeps no sequence alive
    assert last_step(steps[:, :0], before, torch.zeros(3, dtype=torch.long)) is before
