"""The recurrent state between two calls of a model, where attention keeps keys and values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnzoo import state as states
from rnnzoo.shapes import Int, Tensor
from rnnzoo.state import State

__all__ = ["RecurrentCache"]


@dataclass(eq=False)
class RecurrentCache:
    """What a model has read, as one state of fixed size. A call gives a new one and leaves the old one as it is.

    Attributes:
        state: of B rows. seen: how many tokens each row has read, padding included.
    """

    state: State
    seen: int

    is_compileable = False  # these two are what `generate` asks its caches
    is_linear = (True,)

    def get_seq_length(self, *_: Any) -> int:
        """How many tokens were read; the name is that of the caches of `transformers`."""
        return self.seen

    def reordered(self, rows: Int[Tensor, "N"]) -> RecurrentCache:
        """The same with these rows, for a beam."""
        return RecurrentCache(states.gather(self.state, rows), self.seen)
