"""Beam search, all sentences and all their hypotheses at once.

A hypothesis that ends keeps its place in the beam, so a beam of 1 is greedy search, and a sentence is done when as many
hypotheses have ended as its beam is wide. It is done earlier only when no hypothesis that still runs could, at its
best, become one of its n best. Sentences that are done leave the batch.
"""

from __future__ import annotations

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


class _Rows(NamedTuple):
    """What is known of each sentence in the batch; every field is (B, ...)."""

    number: Tensor  # its place in what the caller gave
    limit: Tensor  # symbols
    places: Tensor  # of the beam that no ended hypothesis holds
    best: Tensor  # (B, nbest) scores of ended hypotheses
    forced: Tensor  # (B, P) prefix, -1 past its end


class _Beam(NamedTuple):
    """The hypotheses of all sentences, those of a sentence one after the other."""

    scores: Tensor  # (B, K) log-probabilities, -inf where nothing runs
    history: Tensor  # (B * K, T) tokens so far


class _Closed(NamedTuple):
    """Hypotheses that ended, or were cut, in one step."""

    number: Tensor
    history: Tensor
    log_prob: Tensor
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
    device = start.device
    rows = _Rows(
        torch.arange(num, device=device),
        torch.tensor(limits, device=device),
        torch.full((num,), config.beam, device=device),
        torch.full((num, config.nbest), -torch.inf, device=device),
        _forced(prefix or [()] * num, eos, limits).to(device),
    )
    tokens, beam = start, _Beam(torch.zeros(num, 1, device=device), start.new_empty(num, 0))
    closed: list[_Closed] = []
    for length in range(1, max(limits) + 1):
        logits, state = step(tokens, state, memory)
        old = beam
        beam, parents, stuck, wrong = _grow(logits, old, rows.forced, config, eos)
        width, tokens = beam.scores.size(1), beam.history[:, -1]

        # the best take the places that are left, and those that end keep theirs
        place = torch.arange(width, device=device)
        taken = (beam.scores > -torch.inf) & (place < rows.places.unsqueeze(1))
        ended = taken & (tokens.view(-1, width) == (-1 if eos is None else eos))
        cut = taken & ~ended & (rows.limit == length).unsqueeze(1)
        scores = (beam.scores / config.penalty(float(length))).masked_fill(~ended, -torch.inf)
        best = torch.cat([rows.best.to(scores.dtype), scores], dim=1).topk(config.nbest).values
        rows = rows._replace(places=rows.places - ended.sum(1), best=best)
        running = beam.scores.masked_fill(~taken | ended | cut, -torch.inf)
        # what runs can at best reach its limit without losing anything more; where nothing runs, that is -inf
        done = best[:, -1] >= running.amax(1) / config.penalty(rows.limit.to(scores.dtype))

        events = torch.stack([wrong.any(), stuck.any(), ended.any(), cut.any(), done.any(), done.all()])
        any_wrong, any_stuck, any_ended, any_cut, any_done, all_done = events.tolist()  # the one wait for a GPU
        if any_wrong:
            raise UserError(NOT_NUMBERS)
        if any_stuck:
            closed.append(_close(rows, old, stuck, length - 1))
        if any_cut:
            closed.append(_close(rows, beam, cut, length))
        if any_ended:
            closed.append(_close(rows, beam._replace(history=beam.history[:, :-1]), ended, length, finished=True))
        if all_done:
            break

        beam = beam._replace(scores=running)
        if any_done:
            kept = (~done).nonzero().squeeze(1)
            left = (kept.unsqueeze(1) * width + place).view(-1)
            rows, beam = states.gather(rows, kept), _Beam(running[kept], beam.history[left])
            parents, tokens = parents[left], tokens[left]
        if any_done or width != old.scores.size(1):  # else its rows are right: a sentence's hypotheses share it
            memory = states.gather(memory, parents)
        if any_done or width > 1:
            state = states.gather(state, parents)
    return _ranked(closed, num, config)


def _grow(
    logits: Tensor, beam: _Beam, forced: Tensor, config: SearchConfig, eos: int | None
) -> tuple[_Beam, Tensor, Tensor, Tensor]:
    """The best continuations of each sentence's hypotheses, best first.

    Args:
        logits: (B * K, V).

    Returns:
        The beam of `config.beam` continuations, fewer where that many do not exist; the rows (B * K,) that they
        continue; and of the old beam (B, K) which could not be continued, and which have logits that are not numbers.
    """
    batch, width = beam.scores.shape
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    allowed = _allowed(logits, beam.history, forced, config, eos)
    # the best before normalising: all that the softmax adds is one number a row
    norms = logits.logsumexp(1, keepdim=True)
    top, ids = allowed.topk(min(config.beam, logits.size(1)))
    running = beam.scores > -torch.inf
    stuck = running & (top[:, 0].view(batch, width) == -torch.inf)
    wrong = running & ~norms.isfinite().view(batch, width)
    candidates = torch.where(running.view(-1, 1), beam.scores.view(-1, 1) + (top - norms), -torch.inf).view(batch, -1)
    scores, chosen = candidates.topk(min(config.beam, candidates.size(1)))
    tokens = ids.view(batch, -1).gather(1, chosen).view(-1, 1)
    first = torch.arange(0, batch * width, width, device=logits.device)
    parents = (first.unsqueeze(1) + chosen.div(top.size(1), rounding_mode="floor")).view(-1)
    return _Beam(scores, torch.cat([beam.history[parents], tokens], dim=1)), parents, stuck, wrong


def _allowed(logits: Tensor, history: Tensor, forced: Tensor, config: SearchConfig, eos: int | None) -> Tensor:
    """The logits with -inf where a token must not come next; the same tensor where all may."""
    length, free = history.size(1), logits
    if eos is not None and length < config.min_len:
        free = block_token(free, eos)
    if config.no_repeat_ngram:
        free = block_repeats(free, history, config.no_repeat_ngram)
    if length < forced.size(1):
        tokens = forced[:, length].repeat_interleave(logits.size(0) // forced.size(0))
        free = force(logits, tokens, free)
    return free


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


def _close(rows: _Rows, beam: _Beam, which: Tensor, length: int, *, finished: bool = False) -> _Closed:
    """The hypotheses `which` (B, K) of `beam`."""
    sentence, place = which.nonzero(as_tuple=True)
    history = beam.history[sentence * which.size(1) + place]
    return _Closed(rows.number[sentence], history, beam.scores[sentence, place], length, finished)


def _ranked(closed: Sequence[_Closed], num: int, config: SearchConfig) -> list[list[Hypothesis]]:
    found: list[list[Hypothesis]] = [[] for _ in range(num)]
    for number, history, log_prob, length, finished in closed:
        penalty = config.penalty(float(max(length, 1)))
        for row, tokens, value in zip(number.tolist(), history.tolist(), log_prob.tolist(), strict=True):
            found[row].append(Hypothesis(tuple(tokens), value / penalty, value, finished))
    return [sorted(row, key=lambda h: (not h.finished, -h.score))[: config.nbest] for row in found]
