"""What a cell makes of its data, and how two such results are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch

from rnnzoo import state as states
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.testing.case import Case

__all__ = ["Broken", "Function", "compare", "run", "values"]

Function: TypeAlias = Callable[[Tensor, State], tuple[Tensor, State]]
"""Some way of running a cell: inputs (B, T, D) and a state to outputs (B, T, H) and a state."""


class Broken(Exception):
    """A law does not hold: what differed, and by how much."""


def run(case: Case, function: Function, x: Tensor, state: State, rows: slice = slice(None)) -> dict[str, Tensor]:
    """Everything that `function` makes of `x` and `state`, under the names that messages use.

    Args:
        case: the cell whose parameters `function` uses, and the loss.
        function: what to run.
        x: inputs (B, T, D), at most as many steps as the case has. state: where to begin.
        rows: which of the case's rows these are.

    Returns:
        The outputs, the final state, a loss over all of them, and that loss's gradient with respect to the inputs,
        the initial state and every parameter; what has no influence has a gradient of zeros.
    """
    x = x.detach().clone().requires_grad_()
    state = states.map(lambda leaf: leaf.detach().clone().requires_grad_(leaf.is_floating_point()), state)
    y, final = function(x, state)
    results = values(y, final)
    loss = (y * case.weight[rows, : y.size(1)]).sum()
    for leaf, factor in zip(states.leaves(final), states.leaves(case.state_weight), strict=True):
        loss = loss + (leaf * factor[rows]).sum()
    results["loss"] = loss
    sources = {"inputs": x} | _under("initial state", state) | dict(case.cell.named_parameters())
    sources = {name: source for name, source in sources.items() if source.requires_grad}
    gradients = torch.autograd.grad(loss, list(sources.values()), allow_unused=True)
    for (name, source), gradient in zip(sources.items(), gradients, strict=True):
        results[f"gradient of {name}"] = torch.zeros_like(source) if gradient is None else gradient
    return {name: result.detach() for name, result in results.items()}


def values(y: Tensor, final: State) -> dict[str, Tensor]:
    """What a cell returns, under the names that messages use."""
    return {"outputs": y} | _under("final state", final)


def _under(kind: str, state: State) -> dict[str, Tensor]:
    return {f"{kind} {name}".rstrip(): leaf for name, leaf in states.flatten(state).items()}


def compare(got: Mapping[str, Tensor], want: Mapping[str, Tensor], tolerance: float, hint: str = "") -> None:
    """Each result of `want` is there in `got`, with the same shape and the same values.

    Raises:
        Broken: says which is not, by how much, and where.
    """
    for name, expected in want.items():
        found, expected = got[name].detach(), expected.detach()
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise Broken(
                f"{name}: {tuple(found.shape)} of {found.dtype} instead of {tuple(expected.shape)} of "
                f"{expected.dtype}{hint}"
            )
        if found.numel() == 0:
            continue
        # Equal ones first: the difference of two infinities is NaN.
        distance = torch.where(found == expected, 0.0, (found.double() - expected.double()).abs())
        distance = distance.nan_to_num(nan=torch.inf)
        finite = expected[expected.isfinite()].double().abs()
        allowed = tolerance * max(1.0, float(finite.max()) if len(finite) else 1.0)
        worst = int(distance.argmax())
        if distance.flatten()[worst] > allowed:
            place = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), distance.shape))
            a, b = found.flatten()[worst].item(), expected.flatten()[worst].item()
            raise Broken(
                f"{name}: {a:.6g} instead of {b:.6g} at {list(place)}, "
                f"a difference of {distance.flatten()[worst].item():.2g} ({allowed:.2g} allowed){hint}"
            )
