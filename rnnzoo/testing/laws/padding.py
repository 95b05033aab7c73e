"""Rows of different lengths in one batch. Each law takes a `Case` and raises `Broken` where it does not hold."""

from __future__ import annotations

import torch

from rnnzoo import state as states
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.testing.case import Case
from rnnzoo.testing.results import Broken, compare, run

__all__ = [
    "batched_equals_single",
    "empty_rows_keep_their_state",
    "full_lengths_change_nothing",
    "outputs_past_the_end_are_zero",
    "padding_has_no_influence",
]


def padding_has_no_influence(case: Case) -> None:
    """Whatever stands past a row's end, NaN included, changes neither outputs, final state, loss nor any gradient."""

    def padded(x: Tensor, state: State) -> tuple[Tensor, State]:
        return case.cell(x, state, case.lengths)  # type: ignore[no-any-return]

    want = run(case, padded, case.padded(0.0), case.state)
    if bool(want["gradient of inputs"][~case.valid].any()):
        raise Broken("the padding has a gradient")
    for filler, hint in ((case.other_x, "other values"), (torch.nan, "NaN"), (torch.inf, "infinity")):
        got = run(case, padded, case.padded(filler), case.state)
        compare(got, want, case.tolerance, f" when the padding is {hint} instead of zero")


def batched_equals_single(case: Case) -> None:
    """A padded batch gives each row what the row gives alone, and the sum of the rows' gradients."""

    def padded(x: Tensor, state: State) -> tuple[Tensor, State]:
        return case.cell(x, state, case.lengths)  # type: ignore[no-any-return]

    batch = run(case, padded, case.padded(torch.nan), case.state)
    total: dict[str, Tensor] = {}
    for row, length in enumerate(case.lengths.tolist()):
        rows = slice(row, row + 1)
        state = states.map(lambda leaf, rows=rows: leaf[rows], case.state)
        alone = run(case, case.cell, case.x[rows, :length], state, rows)
        for name, result in alone.items():
            if name in ("outputs", "gradient of inputs"):
                compare({name: batch[name][rows, :length]}, {name: result}, case.tolerance, f" in row {row}")
            elif name.startswith(("final state", "gradient of initial state")):
                compare({name: batch[name][rows]}, {name: result}, case.tolerance, f" in row {row}")
            else:
                total[name] = total.get(name, torch.zeros_like(result)) + result
    compare(batch, total, case.tolerance, " against the sum of single rows")


def full_lengths_change_nothing(case: Case) -> None:
    """Rows that are all T steps long are a batch without lengths."""
    lengths = torch.full_like(case.lengths, case.x.size(1))
    want = run(case, case.cell, case.x, case.state)
    got = run(case, lambda x, state: case.cell(x, state, lengths), case.x, case.state)
    compare(got, want, case.tolerance, " with all lengths T")


def outputs_past_the_end_are_zero(case: Case) -> None:
    """Exactly zero, so that sums and means over time need no second mask."""
    for filler in (case.x, torch.nan):
        y, _ = case.cell(case.padded(filler), case.state, case.lengths)
        past = y[~case.valid]
        if bool((past != 0).any()):
            raise Broken(f"an output past its row's end is {past[past != 0][0].item():.6g}")


def empty_rows_keep_their_state(case: Case) -> None:
    """A row of length 0 has the state that it came with, to the last bit; so has a batch of nothing but such rows."""
    for lengths in (case.lengths, torch.zeros_like(case.lengths)):
        _, final = case.cell(case.padded(torch.nan) if lengths is case.lengths else case.x, case.state, lengths)
        for name, leaf in states.flatten(final).items():
            if not torch.equal(leaf[lengths == 0], states.flatten(case.state)[name][lengths == 0]):
                raise Broken(f"the state's {name or 'tensor'} of a row without steps changed")
