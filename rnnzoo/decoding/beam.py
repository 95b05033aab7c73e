"""Beam search, all sentences and all their hypotheses at once.

A hypothesis that ends keeps its place in the beam, so a beam of 1 is greedy search, and a sentence is done when as many
hypotheses have ended as its beam is wide. It is done earlier only when no hypothesis that still runs could, at its
best, become one of its n best. The batch holds the hypotheses that run and nothing else: what has ended leaves it, and
with the last of a sentence the sentence.

What is computed for every token of the vocabulary stays where the model is. The few best of each row come to the CPU,
once a step, and the rest is done there, in NumPy: on so few numbers a call of PyTorch's costs more than its work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnzoo import state as states
from rnnzoo.decoding.constraints import block_repeats, block_token, force
from rnnzoo.decoding.generate import Step
from rnnzoo.decoding.hypothesis import Hypothesis, SearchConfig, row_limits
from rnnzoo.decoding.sampling import NOT_NUMBERS
from rnnzoo.errors import UserError
from rnnzoo.state import State

__all__ = ["beam_search"]


_BLOCK = 64
"""Values of a row that are looked at together in the search for the largest."""


class _Beams(NamedTuple):
    """The hypotheses that run: R rows, those of a sentence one after the other, the best first."""

    cells: NDArray[np.int64]  # (R,) sentence * beam + rank
    sentences: NDArray[np.int64]  # (R,)
    log_probs: NDArray[Any]  # (R,)
    history: NDArray[np.int64]  # (R, T) tokens so far


class _Closed(NamedTuple):
    """Hypotheses that ended, or were cut, in one step."""

    cells: NDArray[np.int64]
    log_probs: NDArray[Any]
    history: NDArray[np.int64]
    length: int  # symbols predicted
    finished: bool


@torch.no_grad()
def beam_search(
    step: Step,
    start: Tensor,
    state: State,
    memory: Any = (),
    *,
    eos: int | None,
    config: SearchConfig,
    max_lens: int | Sequence[int] | Tensor,
    prefix: Sequence[Sequence[int]] | None = None,
) -> list[list[Hypothesis]]:
    """The n best continuations that a beam finds in each row.

    A row's result depends on that row alone. Log-probabilities are those of the model in float32, or in the type of
    the logits where that is wider; what is forbidden or forced changes which tokens may come, never what they count.

    Args:
        step: contract 2's function. It gets from 1 to `beam` hypotheses of each row, those of a row one after the
            other, and fewer rows as rows are done.
        start: (N,) int64, the symbol before the first token of each row.
        state: before `start`; N rows.
        memory: handed to `step`, brought to its rows; every leaf has N rows. Empty for language models.
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
    num = start.size(0)
    if num == 0:
        return []
    states.check(state, num)
    states.check(memory, num)
    limits = row_limits(max_lens, num, config.max_len)
    if config.min_len > min(limits):
        raise UserError(f"min_len, {config.min_len}, is above max_len, {min(limits)}")
    device, beam = start.device, config.beam
    limit, forced = np.array(limits), _forced(prefix or [()] * num, eos, limits)
    places = np.full(num, beam)  # of each beam, that no ended hypothesis holds
    best = np.full((num, config.nbest), -np.inf, np.float32)  # scores of ended hypotheses
    number, rank = np.arange(num * beam), np.arange(beam)
    beams = _Beams(number[:num] * beam, number[:num], np.zeros(num, np.float32), np.zeros((num, 0), np.int64))
    tokens, closed = start, list[_Closed]()
    for length in range(1, max(limits) + 1):
        logits, state = step(tokens, state, memory)
        now = torch.from_numpy(forced[beams.sentences, length - 1]).to(device) if length <= forced.shape[1] else None
        top, ids = (found.cpu().numpy() for found in _continuations(logits, beams.history, now, config, eos))
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
        tokens, index = torch.from_numpy(said[running]).to(device), torch.from_numpy(kept).to(device)
        if not np.array_equal(beams.sentences, before):
            memory = states.gather(memory, index)  # else its rows are right: a sentence's hypotheses share it
        if beam > 1 or len(cells) != len(before):
            state = states.gather(state, index)
    return _ranked(closed, num, config)


def _largest(values: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The largest `count` of each row (N, K), the largest first, and where they are; of equal ones the first."""
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(values, order, 1), order


def _continuations(
    logits: Tensor, history: NDArray[np.int64], forced: Tensor | None, config: SearchConfig, eos: int | None
) -> tuple[Tensor, Tensor]:
    """Log-probabilities and ids (R, C) of the best tokens after each row, -inf where nothing may follow.

    `forced` (R,) are the tokens that have to come now, -1 where any may.

    Normalising before the top-k is the faster order on a CPU: PyTorch's log-softmax takes half of the time of its
    log-sum-exp.
    """
    log_probs = logits.log_softmax(1, dtype=torch.promote_types(logits.dtype, torch.float32))
    length, allowed = history.shape[1], log_probs
    if eos is not None and length < config.min_len:
        allowed = block_token(allowed, eos)
    if config.no_repeat_ngram:
        allowed = block_repeats(allowed, torch.from_numpy(history).to(logits.device), config.no_repeat_ngram)
    if forced is not None:
        allowed = force(log_probs, forced, allowed)
    return _top(allowed, min(config.beam, allowed.size(1)))


def _top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest `count` of each row (R, V), and where they are.

    They lie in the blocks with the `count` largest maxima. Finding a maximum reads the row once, at the speed of
    memory; PyTorch's top-k of the whole row takes three times as long as all of this.
    """
    rows, size = values.shape
    blocks = size // _BLOCK
    if blocks < 2 * count:
        return tuple(values.topk(count))  # type: ignore[return-value]
    whole = blocks * _BLOCK
    first = values[:, :whole].view(rows, blocks, _BLOCK).amax(2).topk(count).indices * _BLOCK
    places = (first.unsqueeze(2) + torch.arange(_BLOCK, device=values.device)).flatten(1)
    if whole < size:
        rest = torch.arange(whole, size, device=values.device).expand(rows, -1)
        places = torch.cat([places, rest], dim=1)
    top, chosen = values.gather(1, places).topk(count)
    return top, places.gather(1, chosen)


def _forced(prefix: Sequence[Sequence[int]], eos: int | None, limits: Sequence[int]) -> NDArray[np.int64]:
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
