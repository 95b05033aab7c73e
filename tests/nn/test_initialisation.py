"""Initialisers by themselves."""

from __future__ import annotations

import torch

from rnnzoo.nn import orthogonal_gates_, xavier_gates_


def test_they_fill_in_place_and_leave_no_trace_in_the_graph() -> None:
    weight = torch.nn.Parameter(torch.full((6, 2), torch.nan))
    assert orthogonal_gates_(weight, 3) is weight
    assert weight.isfinite().all()
    assert weight.grad_fn is None
    other = torch.full((6, 4), torch.nan)
    assert xavier_gates_(other, 3) is other
    assert other.isfinite().all()


def test_they_work_in_double() -> None:
    weight = orthogonal_gates_(torch.empty(8, 4, dtype=torch.float64), 2)
    for gate in weight.chunk(2):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4, dtype=torch.float64), atol=1e-12, rtol=0)
