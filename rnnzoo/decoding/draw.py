"""Sequences drawn at random, where `beam_search` looks for the most probable ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnzoo import state as states
from rnnzoo.decoding.constraints import block_token
from rnnzoo.decoding.generate import Step
from rnnzoo.decoding.sampling import SamplingConfig, sample
from rnnzoo.runtime.hypothesis import Hypothesis, row_limits
from rnnzoo.state import State

__all__ = ["draw_sequences"]


@torch.no_grad()
def draw_sequences(
    step: Step,
    start: Tensor,
    state: State,
    memory: Any = (),
    *,
    eos: int | None,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
    max_lens: int | Sequence[int] | Tensor,
    min_len: int = 0,
) -> list[list[Hypothesis]]:
    """Sequences drawn from the model, as many in each row as it has generators.

    Each sequence has random numbers of its own: it is what it would be alone. Those that have ended leave the batch.

    Args:
        step: contract 2's function.
        start: (N,) int64, the symbol before the first token of each row.
        state: before `start`; N rows.
        memory: handed to `step`, brought to its rows; every leaf has N rows.
        eos: the end symbol; None where nothing ends before its limit.
        sampling: temperature and filters; a temperature of 0 is greedy.
        generators: N times as many as are drawn in each row, those of a row one after the other.
        max_lens: at most so many symbols, the end symbol counted; one number, or one for each row.
        min_len: at least so many tokens come before the end symbol.

    Returns:
        For each row its sequences, in the order of its generators. `log_prob` is the model's own, without temperature
        and filters, and `score` that of each symbol on average.

    Raises:
        UserError: a limit is out of range, or the logits are not numbers.
    """
    num = start.size(0)
    if num == 0:
        return []
    states.check(state, num)
    states.check(memory, num)
    times, rest = divmod(len(generators), num)
    if rest or not times:
        raise ValueError(f"{num} rows need as many generators, or a multiple of that, not {len(generators)}")
    limits = [
        limit
        for limit in row_limits(max_lens.tolist() if isinstance(max_lens, Tensor) else max_lens, num)
        for _ in range(times)
    ]
    tokens, state, memory = states.repeat((start, state, memory), times)
    written: list[list[int]] = [[] for _ in generators]
    log_probs, finished = [0.0] * len(generators), [False] * len(generators)
    running = list(range(len(generators)))
    while running:
        logits, state = step(tokens, state, memory)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        short = eos is not None and len(written[running[0]]) < min_len
        allowed = block_token(logits, eos) if short and eos is not None else logits
        tokens = sample(allowed, sampling, [generators[i] for i in running])
        gained = logits.log_softmax(1).gather(1, tokens.unsqueeze(1)).squeeze(1)
        for i, token, value in zip(running, tokens.tolist(), gained.tolist(), strict=True):
            log_probs[i] += value
            finished[i] = token == eos
            if not finished[i]:
                written[i].append(token)
        left = [at for at, i in enumerate(running) if not finished[i] and len(written[i]) < limits[i]]
        if len(left) < len(running):
            running = [running[at] for at in left]
            rows = torch.tensor(left, dtype=torch.int64, device=tokens.device)
            tokens, state, memory = states.gather((tokens, state, memory), rows)
    drawn = [
        Hypothesis(tuple(ids), total / (len(ids) + ended), total, ended)
        for ids, total, ended in zip(written, log_probs, finished, strict=True)
    ]
    return [drawn[row : row + times] for row in range(0, len(drawn), times)]
