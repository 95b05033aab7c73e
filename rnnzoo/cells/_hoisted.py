"""Cells whose products of the input do not wait for the state: one product serves the whole sequence."""

from __future__ import annotations

from abc import abstractmethod

import torch

from rnnzoo.cells.base import Cell, unroll
from rnnzoo.shapes import Bool, Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["HoistedCell", "valid_steps"]


class HoistedCell(Cell):
    """Base of cells that see their input through a product only.

    A subclass writes `project`, which knows nothing of time, and `advance`, which knows nothing of the input. `step`
    is the one after the other; `forward` projects all steps at once, a large matrix product instead of T small ones,
    and then advances.
    """

    @abstractmethod
    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        """What the input contributes to a step, for any number of leading axes."""

    @abstractmethod
    def advance(self, x_proj: Float[Tensor, "B P"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        """One time step from the projected input: the output and the new state."""

    def step(self, x: Float[Tensor, "B D"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        return self.advance(self.project(x), state)

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        state = self.begin(x, state)
        if lengths is not None:
            # Before the product, not after it: a NaN in the padding would reach the weight's gradient by a zero factor.
            x = torch.where(valid_steps(x, lengths)[:, :, None], x, 0)
        return unroll(self, self.project(x), state, lengths, self.advance)


def valid_steps(x: Float[Tensor, "B T D"], lengths: Int[Tensor, "B"]) -> Bool[Tensor, "B T"]:
    """Which steps lie before their row's end."""
    return torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
