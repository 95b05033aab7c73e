"""Base of the cells that run all steps at once, since no matrix multiplies their state."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rnnzoo import state as states
from rnnzoo.cells.base import Cell
from rnnzoo.nn.padding import last_step, zero_padding
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["ScanCell"]


class ScanCell(Cell):
    """A cell whose author writes `step`, and `all_steps` through one of the scans of `rnnzoo.nn`.

    What `all_steps` computes is held to `step` by the laws; padding, lengths and the final state are seen to here.
    """

    recurrent_weights: ClassVar[
        tuple[str, ...]
    ] = ()  # no matrix multiplies the state, so there is nothing that weight dropout could fall on

    @abstractmethod
    def all_steps(self, x: Float[Tensor, "B T D"], state: State) -> tuple[Float[Tensor, "B T H"], State]:
        """Outputs, and the state after *every* step, each of its leaves (B, T, ...); T is at least 1."""

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        state = self.begin(x, state)
        if x.size(1) == 0:
            return x.new_zeros(x.size(0), 0, self.output_size), state
        # A later step changes no earlier one: it is enough to zero what stands past the end, on the way in and out.
        y, after = self.all_steps(zero_padding(x, lengths), state)
        final = states.map(lambda steps, before: last_step(steps, before, lengths), after, state)
        return zero_padding(y, lengths), final
