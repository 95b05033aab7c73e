"""The state in which a prompt leaves a net."""

from __future__ import annotations

from torch import Tensor

from rnnzoo.inference.eval_mode import CHUNK_LEN, evaluating
from rnnzoo.networks import LanguageNet
from rnnzoo.state import State

__all__ = ["prime"]


def prime(model: LanguageNet, tokens: Tensor, state: State) -> State:
    """The state after `tokens` (B, T), read `CHUNK_LEN` at a time."""
    with evaluating(model):
        for start in range(0, tokens.size(1), CHUNK_LEN):
            state = model.hidden(tokens[:, start : start + CHUNK_LEN], state)[1]
    return state
