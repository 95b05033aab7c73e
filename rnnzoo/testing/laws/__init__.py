"""The laws, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rnnzoo.testing.case import Case
from rnnzoo.testing.laws import derivatives, form, padding, rows, time

__all__ = ["LAWS", "Law"]

Law: TypeAlias = Callable[[Case], None]
"""Raises `Broken` for a cell that does not obey."""

LAWS: tuple[Law, ...] = (
    form.shapes_are_as_promised,
    form.initial_state_is_what_was_asked,
    form.state_keeps_its_form,
    form.nothing_is_mutated,
    form.runs_are_repeatable,
    form.copies_behave_alike,
    time.step_equals_sequence,
    time.chunked_equals_whole,
    time.short_sequences_work,
    time.the_future_is_unseen,
    time.the_past_matters,
    rows.gather_commutes,
    rows.rows_do_not_mix,
    rows.a_wrong_number_of_rows_is_refused,
    rows.memory_layout_does_not_matter,
    padding.padding_has_no_influence,
    padding.batched_equals_single,
    padding.full_lengths_change_nothing,
    padding.outputs_past_the_end_are_zero,
    padding.empty_rows_keep_their_state,
    derivatives.derivatives_are_right,
)
"""What every cell is held to; each is documented where it is defined."""
