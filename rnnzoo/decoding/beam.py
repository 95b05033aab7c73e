"""Beam search, all sentences and all their hypotheses at once.

A hypothesis that ends keeps its place in the beam, so a beam of 1 is greedy search, and a sentence is done when as many
hypotheses have ended as its beam is wide. It is done earlier only when no hypothesis that still runs could, at its
best, become one of its n best. The batch holds the hypotheses that run and nothing else: what has ended leaves it, and
with the last of a sentence the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
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

    cells: Tensor  # (R,) sentence * beam + rank
    sentences: Tensor  # (R,)
    log_probs: Tensor  # (R,)
    history: Tensor  # (R, T) tokens so far


class _Closed(NamedTuple):
    """Hypotheses that ended, or were cut, in one step."""

    cells: Tensor
    log_probs: Tensor
    history: Tensor
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
    limit = torch.tensor(limits, device=device)
    forced = _forced(prefix or [()] * num, eos, limits).to(device)
    places = torch.full((num,), beam, device=device)  # of each beam, that no ended hypothesis holds
    best = torch.full((num, config.nbest), -torch.inf, device=device)  # scores of ended hypotheses
    number, rank = torch.arange(num * beam, device=device), torch.arange(beam, device=device)
    beams = _Beams(number[:num] * beam, number[:num], torch.zeros(num, device=device), start.new_empty(num, 0))
    tokens, closed = start, list[_Closed]()
    for length in range(1, max(limits) + 1):
        logits, state = step(tokens, state, memory)
        now = forced[beams.sentences, length - 1] if length <= forced.size(1) else None
        top, ids = _continuations(logits, beams.history, now, config, eos)

        # the best of each sentence take the places that are left, and those that end keep theirs
        grid = top.new_full((num * beam, top.size(1)), -torch.inf)
        grid[beams.cells] = beams.log_probs.unsqueeze(1).to(top.dtype) + top
        log_probs, chosen = grid.view(num, -1).topk(beam)
        rows = torch.zeros_like(number)
        rows[beams.cells] = number[: len(tokens)]
        parents = rows.view(num, beam).gather(1, chosen // top.size(1))
        tokens = ids[parents, chosen % top.size(1)]
        running = taken = (log_probs > -torch.inf) & (rank < places.unsqueeze(1))
        leaves = (limit == length).unsqueeze(1)
        if eos is not None:
            leaves = leaves | (tokens == eos)

        # one look at the device a step: whether a hypothesis leaves, and whether the best of each row are numbers
        leaving, total = torch.stack([(taken & leaves).sum().to(top.dtype), top[:, 0].sum()]).tolist()
        if math.isnan(total):
            raise UserError(NOT_NUMBERS)
        if leaving or math.isinf(total):
            stuck, ended = top[:, 0] == -torch.inf, taken & (tokens == (-1 if eos is None else eos))
            cut, running = taken & leaves & ~ended, taken & ~leaves
            places = places - ended.sum(1)
            history = beams.history
            grown = torch.cat([history[parents], tokens.unsqueeze(2)], dim=2)
            closed += [
                _Closed(beams.cells[stuck], beams.log_probs[stuck], history[stuck], length - 1, finished=False),
                _Closed(_cells(cut), log_probs[cut], grown[cut], length, finished=False),
                _Closed(_cells(ended), log_probs[ended], grown[ended][:, :-1], length, finished=True),
            ]
            scores = (log_probs / config.penalty(float(length))).masked_fill(~ended, -torch.inf)
            best = torch.cat([best.to(scores.dtype), scores], dim=1).topk(config.nbest).values
        if closed:  # what runs can at best reach its limit without losing anything more
            reached = log_probs.masked_fill(~running, -torch.inf).amax(1) / config.penalty(limit.to(log_probs.dtype))
            running = running & (reached > best[:, -1]).unsqueeze(1)
        cells, before = _cells(running), beams.sentences
        if len(cells) == 0:
            break
        parents, tokens = parents[running], tokens[running]
        history = torch.cat([beams.history[parents], tokens.unsqueeze(1)], dim=1)
        beams = _Beams(cells, cells // beam, log_probs[running], history)
        if len(cells) != len(before) or not torch.equal(beams.sentences, before):
            memory = states.gather(memory, parents)  # else its rows are right: a sentence's hypotheses share it
        if beam > 1 or len(cells) != len(before):
            state = states.gather(state, parents)
    return _ranked(closed, num, config)


def _continuations(
    logits: Tensor, history: Tensor, forced: Tensor | None, config: SearchConfig, eos: int | None
) -> tuple[Tensor, Tensor]:
    """Log-probabilities and ids (R, C) of the best tokens after each row, -inf where nothing may follow.

    `forced` (R,) are the tokens that have to come now, -1 where any may.

    Normalising before the top-k is the faster order on a CPU: PyTorch's log-softmax takes half of the time of its
    log-sum-exp.
    """
    log_probs = logits.log_softmax(1, dtype=torch.promote_types(logits.dtype, torch.float32))
    length, allowed = history.size(1), log_probs
    if eos is not None and length < config.min_len:
        allowed = block_token(allowed, eos)
    if config.no_repeat_ngram:
        allowed = block_repeats(allowed, history, config.no_repeat_ngram)
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


def _cells(which: Tensor) -> Tensor:
    """The cells (R,) that are True in (N, K)."""
    return which.flatten().nonzero().squeeze(1)


def _forced(prefix: Sequence[Sequence[int]], eos: int | None, limits: Sequence[int]) -> Tensor:
    """The prefixes as (N, P), -1 past their ends."""
    if len(prefix) != len(limits):
        raise ValueError(f"{len(limits)} rows need as many prefixes, not {len(prefix)}")
    for tokens, limit in zip(prefix, limits, strict=True):
        if len(tokens) > limit:
            raise UserError(f"the forced prefix has {len(tokens)} tokens, more than max_len, {limit}")
        if any(token < 0 or token == eos for token in tokens):
            raise ValueError("a prefix is made of token ids, and the end symbol is none")
    longest = max(map(len, prefix))
    return torch.tensor([[*tokens, *[-1] * (longest - len(tokens))] for tokens in prefix], dtype=torch.int64)


def _ranked(closed: Sequence[_Closed], num: int, config: SearchConfig) -> list[list[Hypothesis]]:
    found: list[list[Hypothesis]] = [[] for _ in range(num)]
    for cells, log_probs, history, length, finished in closed:
        penalty = config.penalty(float(max(length, 1)))
        for cell, value, tokens in zip(cells.tolist(), log_probs.tolist(), history.tolist(), strict=True):
            found[cell // config.beam].append(Hypothesis(tuple(tokens), value / penalty, value, finished))
    return [sorted(row, key=lambda h: (not h.finished, -h.score))[: config.nbest] for row in found]
