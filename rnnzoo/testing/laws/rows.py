"""Rows of a batch know nothing of each other. Each law takes a `Case` and raises `Broken` where it does not hold."""

from __future__ import annotations

import torch

from rnnzoo import state as states
from rnnzoo.testing.case import Case
from rnnzoo.testing.results import Broken, compare, values

__all__ = [
    "a_wrong_number_of_rows_is_refused",
    "gather_commutes",
    "memory_layout_does_not_matter",
    "rows_do_not_mix",
]


def gather_commutes(case: Case) -> None:
    """Rows chosen before or after are the same: how a beam is reordered and finished sentences are dropped."""
    index = torch.tensor([2, 0, 3, 3, 1], device=case.x.device)
    y, final = case.cell(case.x, case.state)
    got = values(*case.cell(case.x[index], states.gather(case.state, index)))
    want = values(y[index], states.gather(final, index))
    compare(got, want, case.tolerance, f" for the rows {index.tolist()}")


def rows_do_not_mix(case: Case) -> None:
    """What stands in one row changes nothing in the others, neither values nor gradients."""
    for lengths in (None, case.lengths):
        want = values(*case.cell(case.x, case.state, lengths))
        for row in (0, 1):  # an outer row and an inner one
            here = torch.arange(len(case.x), device=case.x.device) == row
            others = ~here
            x = torch.where(here[:, None, None], 10 * case.other_x, case.x).requires_grad_()
            start = states.select(here, case.other_state, case.state)
            start = states.map(lambda leaf: leaf.clone().requires_grad_(leaf.is_floating_point()), start)
            got = values(*case.cell(x, start, lengths))
            same = {name: result[others] for name, result in want.items()}
            hint = f" in the other rows when row {row} changes"
            compare({name: result[others] for name, result in got.items()}, same, case.tolerance, hint)
            loss = (got["outputs"] * case.weight)[others].sum()
            sources = [x, *(leaf for leaf in states.leaves(start) if leaf.requires_grad)]
            for gradient in torch.autograd.grad(loss, sources, allow_unused=True):
                if gradient is not None and bool((gradient[row] != 0).any()):
                    raise Broken(f"the outputs of other rows have a gradient in row {row}")


def a_wrong_number_of_rows_is_refused(case: Case) -> None:
    """A state with more or fewer rows than the inputs raises ValueError; PyTorch would stretch a single row."""
    for have, want in ((4, 2), (1, 4)):
        state = states.map(lambda leaf, rows=have: leaf[:rows], case.state)
        try:
            case.cell(case.x[:want], state)
        except ValueError:
            continue
        except Exception as error:
            raise Broken(
                f"{have} rows of state for {want} of inputs: {type(error).__name__}, not ValueError"
            ) from error
        raise Broken(f"{have} rows of state for {want} of inputs: no error")


def memory_layout_does_not_matter(case: Case) -> None:
    """Inputs and states may be views with any strides."""
    x = case.x.transpose(0, 1).contiguous().transpose(0, 1)
    state = states.map(lambda leaf: torch.stack((leaf, leaf), -1)[..., 1], case.state)
    want = values(*case.cell(case.x, case.state))
    compare(values(*case.cell(x, state)), want, case.tolerance, " for strided inputs")
    step_want = values(*case.cell.step(case.x[:, 0], case.state))
    compare(values(*case.cell.step(x[:, 0], state)), step_want, case.tolerance, " for a step with strided inputs")
