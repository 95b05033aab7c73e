"""Steps, chunks and causality. Each law takes a `Case` and raises `Broken` where it does not hold."""

from __future__ import annotations

import torch

from rnnzoo import state as states
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.testing.case import Case
from rnnzoo.testing.results import Broken, compare, run, values

__all__ = [
    "chunked_equals_whole",
    "short_sequences_work",
    "step_equals_sequence",
    "the_future_is_unseen",
    "the_past_matters",
]


def step_equals_sequence(case: Case) -> None:
    """T steps are one forward: what decoding runs is what was trained."""

    def steps(x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        for x_t in x.unbind(1):
            y, state = case.cell.step(x_t, state)
            outputs.append(y)
        return torch.stack(outputs, 1), state

    want = run(case, case.cell, case.x, case.state)
    compare(run(case, steps, case.x, case.state), want, case.tolerance, " when stepped")


def chunked_equals_whole(case: Case) -> None:
    """Chunks with the state carried are one long forward, gradients too: truncated training relies on it."""
    sizes = [1, case.x.size(1) // 2, case.x.size(1) - 1 - case.x.size(1) // 2]

    def chunks(x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        for part in torch.split(x, sizes, dim=1):
            y, state = case.cell(part, state)
            outputs.append(y)
        return torch.cat(outputs, 1), state

    want = run(case, case.cell, case.x, case.state)
    compare(run(case, chunks, case.x, case.state), want, case.tolerance, f" in chunks of {sizes} steps")


def short_sequences_work(case: Case) -> None:
    """No steps: no outputs, the state as it was. One step: as `step` does."""
    nothing = case.x[:, :0]
    for lengths in (None, torch.zeros_like(case.lengths)):
        got = values(*case.cell(nothing, case.state, lengths))
        compare(got, values(case.weight[:, :0], case.state), 0.0, " for T = 0")
    y, final = case.cell(case.x[:, :1], case.state)
    want = values(*case.cell.step(case.x[:, 0], case.state))
    compare(values(y[:, 0], final), want, case.tolerance, " for T = 1")


def the_future_is_unseen(case: Case) -> None:
    """x at t changes nothing before t, and something from t on; a language model that sees ahead learns nothing."""
    y, _ = case.cell(case.x, case.state)
    x = case.x.clone().requires_grad_()
    seen, _ = case.cell(x, case.state)
    for t in range(case.x.size(1)):
        changed = case.x.clone()
        changed[:, t] = case.other_x[:, t]
        after, _ = case.cell(changed, case.state)
        hint = f" before step {t} when the input there changes"
        compare({"outputs": after[:, :t]}, {"outputs": y[:, :t]}, case.tolerance, hint)
        if not _differ(after[:, t:], y[:, t:], case.tolerance):
            raise Broken(f"the input at step {t} changes no output from there on")
        if t > 0:
            (gradient,) = torch.autograd.grad((seen * case.weight)[:, :t].sum(), x, retain_graph=True)
            if bool((gradient[:, t:] != 0).any()):
                raise Broken(f"the outputs before step {t} have a gradient with respect to inputs from there on")


def the_past_matters(case: Case) -> None:
    """Each tensor of the state, and the first input, change what comes later; else nothing was remembered."""
    want = values(*case.cell(case.x, case.state))
    named = states.flatten(case.state)
    for name, other in states.flatten(case.other_state).items():
        if torch.equal(other, named[name]):  # a counter, say
            continue
        got = values(*case.cell(case.x, states.unflatten(case.state, named | {name: other})))
        if not any(_differ(got[part], want[part], case.tolerance) for part in want):
            raise Broken(f"the state's {name or 'tensor'} changes neither outputs nor final state")
    x = torch.cat((case.other_x[:, :1], case.x[:, 1:]), 1)
    if not _differ(case.cell(x, case.state)[0][:, 1:], want["outputs"][:, 1:], case.tolerance):
        raise Broken("the first input changes no later output")


def _differ(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return a.numel() > 0 and bool(((a.double() - b.double()).abs() > tolerance).any())
