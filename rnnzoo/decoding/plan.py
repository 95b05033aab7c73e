"""What a model looks like to whoever decodes with it."""

from __future__ import annotations

from typing import Any, Protocol

from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Plan", "TranslatorPlan"]


class Plan(Protocol):
    """A model made ready to decode: contract 2 over weights that were prepared once.

    States and memories have the model's own form, so one plan goes on where another one, or the model itself, stopped,
    and whatever reorders, drops or stores rows works as ever. There is no dropout in it, it never changes what it is
    given, and what it returns is the caller's. When the weights change, a new one has to be made.

    A language model is a plan of itself.
    """

    def initial_state(self, batch_size: int) -> State:
        """What is carried before the first token, for `batch_size` rows."""

    def step(self, tokens: Int[Tensor, "B"], state: State, memory: Any = ()) -> tuple[Float[Tensor, "B V"], State]:
        """One token further: unnormalised log-probabilities of the next, and the new state; any B at any call."""


class TranslatorPlan(Protocol):
    """The same of an encoder-decoder, whose first state and memory come from a source. It is a plan of itself."""

    def encode(self, src: Int[Tensor, "B S"], lengths: Int[Tensor, "B"]) -> tuple[State, Any]:
        """The decoder's first state, and the memory that `step` reads; arguments as for `Seq2Seq.encode`."""

    def step(self, tokens: Int[Tensor, "B"], state: State, memory: Any) -> tuple[Float[Tensor, "B V"], State]:
        """One token further, as in `Plan`."""
