"""The plan that prepares nothing: the model as it is, without dropout and gradients."""

from __future__ import annotations

from typing import Any

from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.networks import Network
from rnnzoo.shapes import Tensor
from rnnzoo.state import State

__all__ = ["prepare"]


def prepare(model: Network) -> PlainPlan:
    """The model itself: nothing is copied, and further training shows."""
    return PlainPlan(model)


class PlainPlan:
    """A model in evaluation mode for as long as a call takes."""

    def __init__(self, model: Network) -> None:
        self.model: Any = model

    def initial_state(self, batch_size: int) -> State:
        return self.model.initial_state(batch_size)

    def encode(self, src: Tensor, lengths: Tensor) -> tuple[State, Any]:
        with evaluating(self.model):
            return self.model.encode(src, lengths)  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, state: State, memory: Any = ()) -> tuple[Tensor, State]:
        with evaluating(self.model):
            return self.model.step(tokens, state, memory)  # type: ignore[no-any-return]
