"""What papers put around a cell: norm, projections, a short convolution, a gate, and a gated MLP, on a residual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells.base import Cell
from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.nn import CausalConv, zero_padding
from rnnzoo.ranges import Expansion, Range, SizeOrZero
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Block", "BlockConfig", "BlockState"]

_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"silu": F.silu, "gelu": F.gelu}


@dataclass(frozen=True)
class BlockConfig(Config):
    """Pre-norm residual blocks (the defaults: norm, cell, residual).

    x <- x + down(act(gate(norm x)) * cell(conv(up(norm x)))), then x <- x + mlp(norm x)

    Args:
        norm: root-mean-square or layer normalisation, before each branch and after the last block.
        expansion: the cell's width as a multiple of the hidden size, between two projections; 0 leaves both out.
        gate: a second projection through this nonlinearity multiplies the cell's output; needs an expansion.
        conv_width: a causal convolution of so many inputs before the cell; 0 for none.
        conv_activation: what follows the convolution.
        cell_norm: normalises the cell's output in so many groups, one for each head; 0 leaves it as it is.
        mlp_expansion: width of a gated MLP as a multiple of the hidden size; 0 for no MLP.
        mlp_activation: the nonlinearity of its gate.
    """

    norm: Literal["rms", "layer"] = "rms"
    expansion: Expansion = 0.0
    gate: Literal["none", "silu", "gelu"] = "none"
    conv_width: Annotated[int, Range("2 <= x <= 1e4", also=(0,))] = 0
    conv_activation: Literal["none", "silu"] = "none"
    cell_norm: SizeOrZero = 0
    mlp_expansion: Expansion = 0.0
    mlp_activation: Literal["silu", "gelu"] = "gelu"

    def __post_init__(self) -> None:
        if self.gate != "none" and self.expansion == 0:
            raise ValueError("a gate needs an expansion (1 keeps the width)")
        if self.conv_activation != "none" and self.conv_width == 0:
            raise ValueError("a conv_activation needs a conv_width")

    def cell_size(self, hidden_size: int) -> int:
        """The cell's width, in and out, in a block of `hidden_size`."""
        return max(1, round(self.expansion * hidden_size)) if self.expansion else hidden_size

    def build_norm(self, size: int) -> nn.Module:
        """The normalisation of `size` features."""
        return _RMSNorm(size, eps=1e-6) if self.norm == "rms" else nn.LayerNorm(size)


class _RMSNorm(nn.RMSNorm):
    """In its weight's type: autocast leaves this one to us, and PyTorch warns where the two differ."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class BlockState(NamedTuple):
    """The convolution's past inputs (B, width - 1, E), `()` where there is none, and the cell's state."""

    conv: State
    cell: State


class Block(Cell):
    """A cell in its block: itself a cell, (B, T, input_size) -> (B, T, hidden_size).

    Args:
        config: what stands around the cell.
        cell: the cell; its input and output are `config.cell_size(hidden_size)` wide.
        input_size: D; where it is not `hidden_size`, the input is projected first.
        hidden_size: H, the width of the residual.
        dropout: falls on each branch before it is added.

    Raises:
        ValueError: the cell has another width.
        UserError: `cell_norm` groups do not divide it.
    """

    recurrent_weights = ()  # those of the cell, and there weight dropout is put on

    def __init__(
        self, config: BlockConfig, cell: Cell, input_size: int, hidden_size: int, dropout: nn.Module | None = None
    ) -> None:
        super().__init__()
        size = config.cell_size(hidden_size)
        if (cell.input_size, cell.output_size) != (size, size):
            raise ValueError(f"the cell is {cell.input_size} to {cell.output_size} wide, the block needs {size}")
        if config.cell_norm and size % config.cell_norm:
            raise UserError(f"cell_norm: {config.cell_norm} groups do not divide the cell's width of {size}")
        self.config, self.input_size, self.output_size = config, input_size, hidden_size
        self.enter = nn.Linear(input_size, hidden_size, bias=False) if input_size != hidden_size else nn.Identity()
        self.norm = config.build_norm(hidden_size)
        gated = config.gate != "none"
        self.up = nn.Linear(hidden_size, (1 + gated) * size, bias=False) if config.expansion else nn.Identity()
        self.conv = CausalConv(size, config.conv_width) if config.conv_width else None
        self.cell = cell
        self.cell_norm = config.build_norm(size // config.cell_norm) if config.cell_norm else None
        self.down = nn.Linear(size, hidden_size, bias=False) if config.expansion else nn.Identity()
        self.mlp = _GatedMLP(config, hidden_size) if config.mlp_expansion else None
        self.dropout = dropout or nn.Identity()

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> BlockState:
        conv: State = ()
        if self.conv is not None:
            shape = (batch_size, self.conv.width - 1, self.cell.input_size)
            conv = self.zeros(batch_size, shape[1] * shape[2], device, dtype).view(shape)
        return BlockState(conv, self.cell.initial_state(batch_size, device=device, dtype=dtype))

    def step(self, x: Float[Tensor, "B D"], state: BlockState) -> tuple[Float[Tensor, "B H"], BlockState]:
        x, inner, gate = self._before(x)
        conv = state.conv
        if self.conv is not None:
            inner, conv = self.conv.step(inner, conv)
        y, cell = self.cell.step(self._convolved(inner), state.cell)
        return self._after(x, y, gate), BlockState(conv, cell)

    def forward(
        self, x: Float[Tensor, "B T D"], state: BlockState | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], BlockState]:
        state = self.begin(x, state)
        x, inner, gate = self._before(zero_padding(x, lengths))
        conv = state.conv
        if self.conv is not None:
            inner, conv = self.conv(inner, conv, lengths)
        y, cell = self.cell(self._convolved(inner), state.cell, lengths)
        return zero_padding(self._after(x, y, gate), lengths), BlockState(conv, cell)

    def _before(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The residual (B, ..., H), the cell's branch and the gate's (B, ..., E)."""
        x = self.enter(x)
        inner = self.up(self.norm(x))
        if self.config.gate == "none":
            return x, inner, None
        inner, gate = inner.chunk(2, dim=-1)
        return x, inner, _ACTIVATIONS[self.config.gate](gate)

    def _convolved(self, inner: Tensor) -> Tensor:
        return F.silu(inner) if self.config.conv_activation == "silu" else inner

    def _after(self, x: Tensor, y: Tensor, gate: Tensor | None) -> Tensor:
        if self.cell_norm is not None:
            groups = self.config.cell_norm
            y = self.cell_norm(y.reshape(*y.shape[:-1], groups, y.size(-1) // groups)).flatten(-2)
        x = x + self.dropout(self.down(y if gate is None else y * gate))
        return x if self.mlp is None else x + self.dropout(self.mlp(x))


class _GatedMLP(nn.Module):
    """down(act(a) * b), with a and b two projections of the normalised input (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, config: BlockConfig, hidden_size: int) -> None:
        super().__init__()
        size = max(1, round(config.mlp_expansion * hidden_size))
        self.activation = config.mlp_activation
        self.norm = config.build_norm(hidden_size)
        self.up = nn.Linear(hidden_size, 2 * size, bias=False)
        self.down = nn.Linear(size, hidden_size, bias=False)

    def forward(self, x: Float[Tensor, "B *T H"]) -> Float[Tensor, "B *T H"]:
        gate, value = self.up(self.norm(x)).chunk(2, dim=-1)
        y: Tensor = self.down(_ACTIVATIONS[self.activation](gate) * value)
        return y
