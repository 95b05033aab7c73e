"""Base of the cells whose memory is a matrix for each head: chunk by chunk in training, step by step in decoding."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import torch

from rnnzoo import state as states
from rnnzoo.cells.base import Cell
from rnnzoo.errors import UserError
from rnnzoo.nn.padding import valid_steps, zero_padding
from rnnzoo.nn.scan import widened
from rnnzoo.shapes import Bool, Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["MatrixCell", "causal"]


class MatrixCell(Cell):
    """A cell with `heads` matrices of (H / heads, H / heads) as memory, each read by a query and written by a key.

    A step reads and writes the whole memory, which is far more to move than to compute. A chunk of L steps moves it
    once: inside the chunk every step looks at the steps before it, as in attention, by products of matrices. Both
    forms are written down, `advance` as the paper's equations and `chunk` derived from them; the laws hold one to the
    other. The memory is kept in float32 at least, under autocast too.

    Raises:
        UserError: `heads` does not divide the hidden size.
    """

    recurrent_weights: ClassVar[tuple[str, ...]] = ()  # no weight multiplies the state

    def __init__(self, input_size: int, hidden_size: int, heads: int, chunk_size: int) -> None:
        super().__init__()
        if hidden_size % heads:
            raise UserError(f"{heads} heads do not divide a hidden size of {hidden_size}")
        self.input_size, self.output_size = input_size, hidden_size
        self.heads, self.head_size, self.chunk_size = heads, hidden_size // heads, chunk_size

    @abstractmethod
    def inputs(self, x: Float[Tensor, "B *T D"], valid: Bool[Tensor, "B T"] | None) -> tuple[Tensor, ...]:
        """All that depends on the input alone, each (B, ..., heads or heads * size).

        Steps that are not `valid` get gates that leave the memory as it is, exactly.
        """

    @abstractmethod
    def advance(self, inputs: tuple[Tensor, ...], state: State) -> tuple[Float[Tensor, "B H"], State]:
        """One step."""

    @abstractmethod
    def chunk(self, inputs: tuple[Tensor, ...], state: State) -> tuple[Float[Tensor, "B L H"], State]:
        """A chunk's L steps at once."""

    def step(self, x: Float[Tensor, "B D"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        dtype = states.leaves(state)[0].dtype
        inputs, _ = widened(*self.inputs(x, None))
        with _exact(x.device):
            y, state = self.advance(tuple(inputs), states.to(state, dtype=inputs[0].dtype))
        return y.to(dtype), states.to(state, dtype=dtype)

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        state = self.begin(x, state)
        if x.size(1) == 0:
            return x.new_zeros(x.size(0), 0, self.output_size), state
        dtype = states.leaves(state)[0].dtype
        valid = None if lengths is None else valid_steps(lengths, x.size(1), x.device)
        inputs, _ = widened(*self.inputs(zero_padding(x, lengths), valid))
        state = states.to(state, dtype=inputs[0].dtype)
        outputs = []
        with _exact(x.device):
            for part in zip(*(torch.split(tensor, self.chunk_size, 1) for tensor in inputs), strict=True):
                y, state = self.chunk(part, state)
                outputs.append(y)
        return zero_padding(torch.cat(outputs, 1).to(dtype), lengths), states.to(state, dtype=dtype)

    def by_head(self, x: Float[Tensor, "B *L H"]) -> Float[Tensor, "B heads *L size"]:
        """A step (B, H) as (B, heads, size), a chunk (B, L, H) as (B, heads, L, size)."""
        x = x.reshape(*x.shape[:-1], self.heads, self.head_size)
        return x if x.dim() == 3 else x.transpose(1, 2)

    def joined(self, y: Float[Tensor, "B heads *L size"]) -> Float[Tensor, "B *L H"]:
        """`by_head`'s inverse."""
        return (y if y.dim() == 3 else y.transpose(1, 2)).flatten(-2)


def causal(size: int, device: torch.device) -> Bool[Tensor, "L L"]:
    """True where a row's step sees a column's: itself and those before it."""
    return torch.ones(size, size, dtype=torch.bool, device=device).tril()


def _exact(device: torch.device) -> AbstractContextManager[object]:
    """No autocast inside; where there is none, nothing at all, which a traced step would otherwise have to carry."""
    return torch.autocast(device.type, enabled=False) if torch.is_autocast_enabled(device.type) else nullcontext()
