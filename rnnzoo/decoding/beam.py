"""Beam search, all sentences and all their hypotheses at once.

A hypothesis that ends keeps its place in the beam, so a beam of 1 is greedy search, and a sentence with as many ended
hypotheses as its beam is wide is done. It is done earlier only when no hypothesis that still runs could, at its best,
enter its n best. What is done leaves the batch.
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
from rnnzoo.errors import UserError
from rnnzoo.state import State

__all__ = ["beam_search"]


class _Rows(NamedTuple):
    """What is known of each sentence of the batch; every field has the sentences, (B, ...), as axis 0."""

    number: Tensor  # its place in what the caller gave
    limit: Tensor  # symbols
    places: Tensor  # of the beam that no ended hypothesis holds
    best: Tensor  # (B, nbest) scores of ended hypotheses
    forced: Tensor  # (B, P) prefix, -1 past its end


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
        torch.empty(num, 0),  # made when the type of the scores is known
        _forced(prefix, eos, limits).to(device) if prefix else torch.empty(num, 0, dtype=torch.int64, device=device),
    )
    tokens, history = start, start.new_empty(num, 0)
    closed: list[_Closed] = []
    scores: Tensor | None = None
    for length in range(1, max(limits) + 1):
        logits, state = step(tokens, state, memory)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if scores is None:
            scores = logits.new_zeros(num, 1)
            rows = rows._replace(best=logits.new_full((num, config.nbest), -torch.inf))
        batch, width = scores.shape

        # top-k before normalising: the logarithm of the sum is one number a hypothesis
        norms = logits.logsumexp(1, keepdim=True)
        top, ids = _allowed(logits, history, rows.forced, config, eos).topk(min(config.beam, logits.size(1)))
        running = scores > -torch.inf
        stuck = running & (top[:, 0].view(batch, width) == -torch.inf)
        wrong = running & ~norms.view(batch, width).isfinite()
        candidates = (scores.view(-1, 1) + (top - norms)).view(batch, -1).nan_to_num_(-torch.inf, neginf=-torch.inf)
        before, before_scores = history, scores
        scores, chosen = candidates.topk(min(config.beam, candidates.size(1)))
        tokens = ids.view(batch, -1).gather(1, chosen)
        parents = chosen // top.size(1)

        # the best candidates take the places that are left, and those that end keep theirs
        place = torch.arange(scores.size(1), device=device)
        taken = (scores > -torch.inf) & (place < rows.places.unsqueeze(1))
        ended = taken & (tokens == (-1 if eos is None else eos))
        running = taken & ~ended
        cut = running & (rows.limit == length).unsqueeze(1)
        running = running & ~cut
        best = torch.cat([rows.best, (scores / config.penalty(float(length))).masked_fill(~ended, -torch.inf)], 1)
        rows = rows._replace(places=rows.places - ended.sum(1), best=best.topk(config.nbest).values)
        ceiling = scores.masked_fill(~running, -torch.inf).amax(1) / config.penalty(rows.limit.to(scores.dtype))
        done = rows.best[:, -1] >= ceiling  # also where nothing runs: -inf

        index = (parents + torch.arange(batch, device=device).unsqueeze(1) * width).view(-1)
        history = torch.cat([before.index_select(0, index), tokens.view(-1, 1)], 1)
        flags = torch.stack([wrong.any(), stuck.any(), ended.any(), cut.any(), done.any(), done.all()]).tolist()
        any_wrong, any_stuck, any_ended, any_cut, any_done, all_done = flags
        if any_wrong:
            raise UserError(
                "the model's logits are not numbers (NaN or infinite): its training diverged or its weights are damaged"
            )
        if any_stuck:
            closed.append(_close(rows, stuck, before, before_scores, length - 1, finished=False))
        if any_ended:
            closed.append(_close(rows, ended, history[:, :-1], scores, length, finished=True))
        if any_cut:
            closed.append(_close(rows, cut, history, scores, length, finished=False))
        if all_done:
            break

        # one gather: reorders the hypotheses and drops the sentences that are done
        scores = scores.masked_fill(~running, -torch.inf)
        tokens = tokens.view(-1)
        if any_done:
            kept = (~done).nonzero().squeeze(1)
            width = scores.size(1)
            hypotheses = (kept.unsqueeze(1) * width + place).view(-1)
            index, tokens, history = index[hypotheses], tokens[hypotheses], history[hypotheses]
            rows, scores = states.gather(rows, kept), scores[kept]
        if any_done or scores.numel() != batch * width:
            memory = states.gather(memory, index)  # a row's hypotheses share it: it need not follow their order
        if config.beam > 1 or any_done:
            state = states.gather(state, index)
    return _ranked(closed, num, config)


def _allowed(logits: Tensor, history: Tensor, forced: Tensor, config: SearchConfig, eos: int | None) -> Tensor:
    length = history.size(1)
    free = logits
    if eos is not None and length < config.min_len:
        free = block_token(free, eos)
    if config.no_repeat_ngram:
        free = block_repeats(free, history, config.no_repeat_ngram)
    if length < forced.size(1):
        free = force(logits, free, forced[:, length].repeat_interleave(logits.size(0) // forced.size(0)))
    return free


def _forced(prefix: Sequence[Sequence[int]], eos: int | None, limits: Sequence[int]) -> Tensor:
    if len(prefix) != len(limits):
        raise ValueError(f"{len(limits)} rows need as many prefixes, not {len(prefix)}")
    for tokens, limit in zip(prefix, limits, strict=True):
        if len(tokens) > limit:
            raise UserError(f"the forced prefix has {len(tokens)} tokens, more than max_len, {limit}")
        if any(token < 0 or token == eos for token in tokens):
            raise ValueError("a prefix is made of token ids, and the end symbol is none")
    longest = max(map(len, prefix))
    return torch.tensor([[*tokens, *[-1] * (longest - len(tokens))] for tokens in prefix], dtype=torch.int64)


def _close(rows: _Rows, which: Tensor, history: Tensor, scores: Tensor, length: int, *, finished: bool) -> _Closed:
    """The hypotheses `which` (B, K), with their tokens."""
    flat = which.view(-1).nonzero().squeeze(1)
    numbers = rows.number.repeat_interleave(which.size(1))
    return _Closed(numbers[flat], history[flat], scores.reshape(-1)[flat], length, finished)


def _ranked(closed: Sequence[_Closed], num: int, config: SearchConfig) -> list[list[Hypothesis]]:
    found: list[list[Hypothesis]] = [[] for _ in range(num)]
    for some in closed:
        penalty = config.penalty(float(max(some.length, 1)))
        parts = zip(some.number.tolist(), some.history.tolist(), some.log_prob.tolist(), strict=True)
        for number, tokens, log_prob in parts:
            found[number].append(Hypothesis(tuple(tokens), log_prob / penalty, log_prob, some.finished))
    return [sorted(row, key=lambda h: (not h.finished, -h.score))[: config.nbest] for row in found]
