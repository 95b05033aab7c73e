"""A step that never gives certain tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.decoding.generate import Step
from rnnzoo.state import State

__all__ = ["without"]


def without(step: Step, tokens: Sequence[int]) -> Step:
    """`step`, after which `tokens` never come, as nobody can read ``<unk>``; the others share their probability."""
    if not tokens:
        return step
    never = torch.tensor(tokens)

    def allowed(last: Tensor, state: State, memory: State) -> tuple[Tensor, State]:
        logits, state = step(last, state, memory)
        return logits.index_fill(1, never.to(logits.device), -torch.inf), state

    return allowed
