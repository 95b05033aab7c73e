"""Sampling from a step function, token after token."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from rnnzoo import state as states
from rnnzoo.decoding.sampling import SamplingConfig, sample
from rnnzoo.errors import UserError
from rnnzoo.state import State

__all__ = ["Position", "Step", "generate", "stop_at"]

Step: TypeAlias = Callable[[Tensor, State, Any], tuple[Tensor, State]]
"""``step(tokens (B,), state, memory) -> (logits (B, V), state)``."""


class Position(NamedTuple):
    """Where a generation stands: it can be continued, copied or stored from here.

    Attributes:
        tokens: (B,) int64, the last tokens; the network has not seen them yet.
        state: the state before them.
    """

    tokens: Tensor
    state: State


def generate(
    step: Step,
    position: Position,
    memory: Any = (),
    *,
    max_new_tokens: int,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
    finished: Callable[[Tensor], Sequence[bool]] | None = None,
) -> Iterator[Position]:
    """Continues each row by up to `max_new_tokens` tokens.

    A finished row stands still: its position, its state included, stays as it was when it finished, and
    it draws no more random numbers. So each row is what it would be alone.

    Args:
        step: contract 2's function.
        position: the last token of each row and the state before it.
        memory: handed to `step`.
        max_new_tokens: at most so many for each row.
        sampling: temperature and filters.
        generators: one a row.
        finished: gets each new (B,) tokens and says for each row whether this was its last; it is
            asked about finished rows too, and its answer for them does not matter. `stop_at` makes one.

    Yields:
        The position after each token; ``position.tokens`` is the new token of each row.

    Raises:
        UserError: `max_new_tokens` is negative, or the logits are not numbers.
    """
    if max_new_tokens < 0:
        raise UserError(f"max_new_tokens must be 0 or more, not {max_new_tokens}")
    running = [True] * len(generators)
    for _ in range(max_new_tokens):
        position = _advance(step, position, memory, sampling, generators, running)
        if finished is not None:
            running = [r and not f for r, f in zip(running, finished(position.tokens), strict=True)]
        yield position
        if not any(running):
            return


def stop_at(ids: Collection[int]) -> Callable[[Tensor], Sequence[bool]]:
    """A `finished` for `generate`: a row ends with the first of these tokens."""
    return lambda tokens: [token in ids for token in tokens.tolist()]


def _advance(
    step: Step,
    old: Position,
    memory: Any,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
    running: Sequence[bool],
) -> Position:
    with torch.no_grad():  # on the single move: a context held across a yield would leak into the caller
        logits, state = step(old.tokens, old.state, memory)
        if all(running):
            return Position(sample(logits, sampling, generators), state)
        tokens = sample(logits, sampling, [g if r else None for g, r in zip(generators, running, strict=True)])
        mask = torch.tensor(running, device=tokens.device)
        return Position(torch.where(mask, tokens, old.tokens), states.select(mask, state, old.state))
