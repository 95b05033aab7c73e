"""Beam search, all sentences and all their hypotheses at once, in NumPy.

A hypothesis that ends keeps its place in the beam, so a beam of 1 is greedy search, and a sentence is done when as many
hypotheses have ended as its beam is wide. It is done earlier only when no hypothesis that still runs could, at its
best, become one of its n best. The batch holds the hypotheses that run and nothing else: what has ended leaves it, and
with the last of a sentence the sentence.

What a step computes is the model's business: `search_beams` asks for the few best continuations of each row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .hypothesis import Hypothesis, SearchConfig, row_limits
from .sampling import NOT_NUMBERS

__all__ = ["Rows", "search_beams"]

Ids = NDArray[np.int64]


class Rows(NamedTuple):
    """What a step is asked for.

    Attributes:
        tokens: (R,) the last token of each hypothesis.
        kept: (R,) the rows of the step before that these go on from; None where they are the same.
        moved: `kept` are other sentences' rows than those of the step before.
        history: (R, T) the tokens so far.
        forced: (R,) the token that has to come now, -1 where any may; None where none is forced.
    """

    tokens: Ids
    kept: Ids | None
    moved: bool
    history: Ids
    forced: Ids | None


class Continue(Protocol):
    """A step: ids and log-probabilities of the best tokens after each row."""

    def __call__(self, rows: Rows) -> tuple[NDArray[Any], Ids]:
        """Log-probabilities and ids (R, C), the best first, -inf where nothing may follow; C <= beam."""


class _Beams(NamedTuple):
    """The hypotheses that run: R rows, those of a sentence one after the other, the best first."""

    cells: Ids  # (R,) sentence * beam + rank
    sentences: Ids  # (R,)
    log_probs: NDArray[Any]  # (R,)
    history: Ids  # (R, T) tokens so far


class _Closed(NamedTuple):
    """Hypotheses that ended, or were cut, in one step."""

    cells: Ids
    log_probs: NDArray[Any]
    history: Ids
    length: int  # symbols predicted
    finished: bool


def search_beams(
    go_on: Continue,
    start: Ids,
    *,
    eos: int | None,
    config: SearchConfig,
    max_lens: int | Sequence[int] | Ids,
    prefix: Sequence[Sequence[int]] | None = None,
) -> list[list[Hypothesis]]:
    """The n best continuations that a beam finds in each row.

    A row's result depends on that row alone.

    Args:
        go_on: gets from 1 to `beam` hypotheses of each row, those of a row one after the other, and fewer rows as rows
            are done.
        start: (N,) the symbol before the first token of each row.
        eos: the end symbol; None where nothing ends before its limit, as in running text.
        config: beam, n-best, length penalty, limits.
        max_lens: at most so many symbols, the end symbol counted; one number, or one for each row.
        prefix: tokens that each row begins with, before all other rules; an empty one leaves the row free.

    Returns:
        For each row its hypotheses, best first, no two alike: finished ones by score, and only where these are fewer
        than `nbest`, ones that were cut. They are fewer where no more exist.

    Raises:
        UserError: a limit is out of range, or the logits are not numbers.
    """
    num = len(start)
    if num == 0:
        return []
    limits = row_limits(max_lens, num, config.max_len)
    if config.min_len > min(limits):
        raise UserError(f"min_len, {config.min_len}, is above max_len, {min(limits)}")
    beam = config.beam
    limit, forced = np.array(limits), _forced(prefix or [()] * num, eos, limits)
    places = np.full(num, beam)  # of each beam, that no ended hypothesis holds
    best = np.full((num, config.nbest), -np.inf, np.float32)  # scores of ended hypotheses
    number, rank = np.arange(num * beam), np.arange(beam)
    beams = _Beams(number[:num] * beam, number[:num], np.zeros(num, np.float32), np.zeros((num, 0), np.int64))
    tokens, closed = start, list[_Closed]()
    kept, moved = None, False
    for length in range(1, max(limits) + 1):
        now = forced[beams.sentences, length - 1] if length <= forced.shape[1] else None
        top, ids = go_on(Rows(tokens, kept, moved, beams.history, now))
        total = float(top[:, 0].sum())
        if math.isnan(total):
            raise UserError(NOT_NUMBERS)

        # the best of each sentence take the places that are left, and those that end keep theirs
        grid = np.full((num * beam, top.shape[1]), -np.inf, top.dtype)
        grid[beams.cells] = beams.log_probs[:, None] + top
        log_probs, chosen = _largest(grid.reshape(num, -1), beam)
        rows = np.zeros_like(number)
        rows[beams.cells] = number[: len(top)]
        parents = np.take_along_axis(rows.reshape(num, beam), chosen // top.shape[1], 1)
        said = ids[parents, chosen % top.shape[1]]
        running = taken = (log_probs > -np.inf) & (rank < places[:, None])
        leaves = np.broadcast_to((limit == length)[:, None], said.shape)
        if eos is not None:
            leaves = leaves | (said == eos)

        leaving = taken & leaves
        if math.isinf(total) or leaving.any():
            stuck, ended = top[:, 0] == -np.inf, taken & (said == (-1 if eos is None else eos))
            cut, running = leaving & ~ended, taken & ~leaves
            places = places - ended.sum(1)
            history = beams.history
            grown = np.concatenate([history[parents], said[:, :, None]], axis=2)
            closed += [
                _Closed(beams.cells[stuck], beams.log_probs[stuck], history[stuck], length - 1, finished=False),
                _Closed(np.flatnonzero(cut), log_probs[cut], grown[cut], length, finished=False),
                _Closed(np.flatnonzero(ended), log_probs[ended], grown[ended][:, :-1], length, finished=True),
            ]
            scores = np.where(ended, log_probs / config.penalty(float(length)), -np.inf)
            best = _largest(np.concatenate([best, scores.astype(top.dtype)], axis=1), config.nbest)[0]
        if closed:  # what runs can at best reach its limit without losing anything more
            reached = np.where(running, log_probs, -np.inf).max(1) / config.penalty(limit.astype(log_probs.dtype))
            running = running & (reached > best[:, -1])[:, None]
        cells, before = np.flatnonzero(running), beams.sentences
        if len(cells) == 0:
            break
        kept = parents[running]
        history = np.concatenate([beams.history[kept], said[running][:, None]], axis=1)
        beams = _Beams(cells, cells // beam, log_probs[running], history)
        tokens, moved = said[running], not np.array_equal(beams.sentences, before)
        if beam == 1 and len(cells) == len(before):
            kept = None
    return _ranked(closed, num, config)


def _largest(values: NDArray[Any], count: int) -> tuple[NDArray[Any], Ids]:
    """The largest `count` of each row (N, K), the largest first, and where they are; of equal ones the first."""
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(values, order, 1), order


def _forced(prefix: Sequence[Sequence[int]], eos: int | None, limits: Sequence[int]) -> Ids:
    """The prefixes as (N, P), -1 past their ends."""
    if len(prefix) != len(limits):
        raise ValueError(f"{len(limits)} rows need as many prefixes, not {len(prefix)}")
    for tokens, limit in zip(prefix, limits, strict=True):
        if len(tokens) > limit:
            raise UserError(f"the forced prefix has {len(tokens)} tokens, more than max_len, {limit}")
        if any(token < 0 or token == eos for token in tokens):
            raise ValueError("a prefix is made of token ids, and the end symbol is none")
    longest = max(map(len, prefix))
    rows = [[*tokens, *[-1] * (longest - len(tokens))] for tokens in prefix]
    return np.array(rows, np.int64).reshape(len(rows), longest)


def _ranked(closed: Sequence[_Closed], num: int, config: SearchConfig) -> list[list[Hypothesis]]:
    found: list[list[Hypothesis]] = [[] for _ in range(num)]
    for cells, log_probs, history, length, finished in closed:
        penalty = config.penalty(float(max(length, 1)))
        for cell, value, tokens in zip(cells.tolist(), log_probs.tolist(), history.tolist(), strict=True):
            found[cell // config.beam].append(Hypothesis(tuple(tokens), value / penalty, value, finished))
    return [sorted(row, key=lambda h: (not h.finished, -h.score))[: config.nbest] for row in found]
