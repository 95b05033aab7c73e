"""What a cell is: shapes, states, copies. Each law takes a `Case` and raises `Broken` where it does not hold."""

from __future__ import annotations

import copy
from typing import Any

import torch

from rnnzoo import state as states
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.testing.case import Case
from rnnzoo.testing.results import Broken, compare, run, values

__all__ = [
    "copies_behave_alike",
    "initial_state_is_what_was_asked",
    "nothing_is_mutated",
    "runs_are_repeatable",
    "shapes_are_as_promised",
    "state_keeps_its_form",
]


def shapes_are_as_promised(case: Case) -> None:
    """step: (B, D) -> (B, H), forward: (B, T, D) -> (B, T, H), in the dtype of the weights; sizes are integers."""
    for name in ("input_size", "output_size"):
        size = getattr(case.cell, name)
        if type(size) is not int or size < 1:
            raise Broken(f"{name} is {size!r}, not a positive integer")
    wide = case.weight.shape
    for call, y, shape in (
        ("step", case.cell.step(case.x[:, 0], case.state)[0], (wide[0], wide[2])),
        ("forward", case.cell(case.x, case.state)[0], tuple(wide)),
        ("forward with lengths", case.cell(case.x, case.state, case.lengths)[0], tuple(wide)),
    ):
        if tuple(y.shape) != shape or y.dtype != case.dtype:
            raise Broken(f"{call} gives {tuple(y.shape)} of {y.dtype} instead of {shape} of {case.dtype}")


def initial_state_is_what_was_asked(case: Case) -> None:
    """Batch size, device and dtype are honoured, every row begins alike, and no state means this state."""
    cell = case.cell
    begin = cell.initial_state(4)
    if not states.leaves(begin):
        raise Broken("the initial state has no tensors")
    _rows(begin, 4, "initial_state(4)")
    for leaf in states.leaves(begin):
        if leaf.device != case.x.device or (leaf.is_floating_point() and leaf.dtype != case.dtype):
            raise Broken(f"initial_state is {leaf.dtype} on {leaf.device}, the weights {case.dtype} on {case.x.device}")
    meta = torch.device("meta")  # the one device besides this one that every machine has
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        for leaf in states.leaves(cell.initial_state(4, device=meta, dtype=dtype)):
            if leaf.device != meta or (leaf.is_floating_point() and leaf.dtype != dtype):
                raise Broken(f"initial_state(4, device=meta, dtype={dtype}) is {leaf.dtype} on {leaf.device}")
    single = cell.initial_state(1)
    for row in range(4):
        index = torch.tensor([row], device=case.x.device)
        compare(states.flatten(states.gather(begin, index)), states.flatten(single), 0.0, " in the initial state")
    compare(values(*cell(case.x)), values(*cell(case.x, begin)), case.tolerance, " when no state is given")


def state_keeps_its_form(case: Case) -> None:
    """Leaves with axis 0 = B, no None, and the same names, shapes and dtypes after a step or a sequence as before.

    Carries, beams, checkpoints and exported graphs treat a state as one tree that never changes its form.
    """
    want = _form(case.state)
    for call, after in (
        ("initial_state", case.cell.initial_state(4)),
        ("step", case.cell.step(case.x[:, 0], case.state)[1]),
        ("forward", case.cell(case.x, case.state)[1]),
        ("forward with lengths", case.cell(case.x, case.state, case.lengths)[1]),
    ):
        _rows(after, 4, call)
        if _form(after) != want:
            raise Broken(f"{call} gives a state {_form(after)} instead of {want}")
        again = states.unflatten(case.state, states.flatten(after))
        if _form(again) != want or any(a is not b for a, b in zip(*map(states.leaves, (again, after)), strict=True)):
            raise Broken(f"the state after {call} does not survive flatten and unflatten")


def nothing_is_mutated(case: Case) -> None:
    """Inputs, states and weights are as they were: a state is shared by beams, forks and the graph of a gradient."""
    named = {"inputs": case.x, "lengths": case.lengths} | states.flatten(case.state) | case.cell.state_dict()
    before = {name: (tensor.clone(), tensor._version) for name, tensor in named.items()}
    with torch.no_grad():  # autograd would refuse some of it by itself
        case.cell.step(case.x[:, 0], case.state)
        case.cell(case.x, case.state)
        case.cell(case.x, case.state, case.lengths)
    for name, tensor in named.items():
        value, version = before[name]
        if not torch.equal(tensor, value) or tensor._version != version:
            raise Broken(f"{name} was changed in place")


def runs_are_repeatable(case: Case) -> None:
    """The same again gives the same: nothing is kept between calls, and nothing is random at evaluation."""
    first = run(case, case.cell, case.x, case.state)
    run(case, case.cell, case.other_x, case.other_state)
    compare(run(case, case.cell, case.x, case.state), first, case.tolerance, " when run again")


def copies_behave_alike(case: Case) -> None:
    """`copy.deepcopy` and `load_state_dict` give a cell of its own that computes the same."""
    want = values(*case.cell(case.x, case.state))
    twin = copy.deepcopy(case.cell)
    compare(values(*twin(case.x, case.state)), want, case.tolerance, " in a deep copy")
    with torch.no_grad():
        for tensor in twin.state_dict().values():
            tensor.zero_()
    compare(values(*case.cell(case.x, case.state)), want, case.tolerance, " after a deep copy was changed")
    twin.load_state_dict({name: tensor.clone() for name, tensor in case.cell.state_dict().items()}, strict=True)
    compare(values(*twin(case.x, case.state)), want, case.tolerance, " after load_state_dict")


def _rows(state: State, rows: int, call: str) -> None:
    try:
        states.check(state, rows)
    except (TypeError, ValueError) as error:
        raise Broken(f"{call}: {error}") from error


def _form(state: State) -> Any:
    """Names, shapes and dtypes of all leaves, and what holds them."""
    if isinstance(state, Tensor):
        return f"{tuple(state.shape)} of {state.dtype}"
    if isinstance(state, dict):
        return {key: _form(value) for key, value in state.items()}
    names = getattr(state, "_fields", range(len(state)))
    return type(state).__name__, {name: _form(part) for name, part in zip(names, state, strict=True)}
