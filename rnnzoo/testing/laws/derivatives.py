"""Gradients against an independent reference. Each law takes a `Case` and raises `Broken` where it does not hold."""

from __future__ import annotations

import torch
from torch.func import functional_call

from rnnzoo import state as states
from rnnzoo.shapes import Tensor
from rnnzoo.testing.case import Case
from rnnzoo.testing.results import Broken, compare, run

__all__ = [
    "derivatives_are_right",
]


def derivatives_are_right(case: Case) -> None:
    """In float64 against central differences; in float32 values and gradients against those in float64."""
    if case.dtype != torch.float64:
        exact = case.to(torch.float64)
        want = run(exact, exact.cell, exact.x, exact.state)
        got = run(case, case.cell, case.x, case.state)
        got = {name: result.to(want[name].dtype) for name, result in got.items()}
        compare(got, want, case.tolerance, " against the same in float64")
        return
    x = case.x[:2, :3].clone().requires_grad_()
    named = states.flatten(states.map(lambda leaf: leaf[:2].clone(), case.state))
    moving = {name: leaf.requires_grad_() for name, leaf in named.items() if leaf.is_floating_point()}
    weights = {n: p.detach().clone().requires_grad_() for n, p in case.cell.named_parameters() if p.requires_grad}

    def function(x: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        state = states.unflatten(case.state, named | dict(zip(moving, tensors, strict=False)))
        parameters = dict(zip(weights, tensors[len(moving) :], strict=True))
        y, final = functional_call(case.cell, parameters, (x, state))
        return (y, *(leaf for leaf in states.leaves(final) if leaf.is_floating_point()))

    inputs = (x, *moving.values(), *weights.values())
    try:
        torch.autograd.gradcheck(function, inputs, fast_mode=True)
    except RuntimeError as error:  # gradcheck's own error is one
        names = ["inputs", *(f"state {name}" for name in moving), *weights]
        raise Broken(f"gradcheck of {', '.join(names)}: {str(error).strip().splitlines()[0]}") from error
