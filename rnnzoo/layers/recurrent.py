"""Layers of any cell, called as nn.LSTM is."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnzoo.backbones import BidirectionalStack, BidirectionalStackConfig, Stack, StackConfig
from rnnzoo.cells import Cell, CellConfig
from rnnzoo.layers.states import StateForm
from rnnzoo.nn.transforms import exporting
from rnnzoo.ranges import Range
from rnnzoo.shapes import Tensor
from rnnzoo.state import State

__all__ = ["Recurrent"]


class Recurrent(nn.Module):
    """Layers of one cell with the call form of nn.LSTM; `rnnzoo.rnn` builds it.

    The final state has nn.LSTM's shapes: each of the cell's tensors (B, ...) comes as (layers * directions, B, ...),
    layer 0 forwards, layer 0 backwards, layer 1 forwards and so on. A cell with one such tensor gives that tensor, as
    nn.GRU does; a cell with more gives its own named tuple of them. Where a tensor's size differs from layer to layer,
    such as `qrnn`'s past inputs, the state is a tuple of the layers' states, each (B, ...), in the same order.

    Under `torch.compile` it runs outside of the compiled graph, as nn.LSTM does, with the cells' own adjoints.

    Attributes:
        output_size: features of the output, both directions together.
        num_directions: 2 if bidirectional, else 1.
        stack: the cells.
    """

    def __init__(
        self,
        cell: CellConfig,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        Range("1 <= x <= 1e8").check("input_size", input_size)
        if dropout > 0 and num_layers == 1:
            warnings.warn("dropout falls between layers, and there is one layer only", stacklevel=2)
        form = BidirectionalStackConfig if bidirectional else StackConfig
        config = form(cell, hidden_size=hidden_size, num_layers=num_layers, hidden_dropout=dropout)
        self.cell, self.input_size, self.hidden_size, self.num_layers = cell, input_size, hidden_size, num_layers
        self.batch_first, self.dropout, self.bidirectional = batch_first, dropout, bidirectional
        self.num_directions = 2 if bidirectional else 1
        self.stack: Stack | BidirectionalStack = config.build(input_size)
        self.output_size = self.stack.output_size
        self._form = StateForm(self.cells)

    @property
    def cells(self) -> list[Cell]:
        """The cells, in the order of the state: layer by layer, and forwards before backwards."""
        if isinstance(self.stack, Stack):
            return self.stack.cells
        return [cell for pair in self.stack.pairs for cell in pair]

    def cell_names(self) -> list[str]:
        """The names of `cells` as submodules, in the same order."""
        if isinstance(self.stack, Stack):
            return [f"stack.layers.{index}" for index in range(self.num_layers)]
        return [f"stack.{way}.{index}" for index in range(self.num_layers) for way in ("ahead", "back")]

    def forward(self, input: Tensor | PackedSequence, hx: State | None = None) -> tuple[Tensor | PackedSequence, State]:
        """Reads whole sequences.

        Args:
            input: (T, B, D), or (B, T, D) with `batch_first`; without a batch (T, D); or a packed batch.
            hx: the state to begin with, in the form in which the final one is returned; zeros, or what the cell begins
                with, when left out. Without a batch, its tensors have no batch axis either.

        Returns:
            The last layer's outputs, of the input's form, and the final state; each row's is the one after its last
            step, and of the backward direction after its first.

        Raises:
            ValueError: the input or the state has another shape.
        """
        if torch.compiler.is_dynamo_compiling() and not exporting():
            return torch.compiler.disable(self._read)(input, hx)  # type: ignore[no-any-return, no-untyped-call]
        return self._read(input, hx)

    def _read(self, input: Any, hx: State | None) -> tuple[Any, State]:
        if isinstance(input, PackedSequence):
            return self._read_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"the input is {tuple(input.shape)}: expected 3 axes, or 2 without a batch")
        batched = input.dim() == 3
        x = input if batched else input[None]
        if batched and not self.batch_first:
            x = x.transpose(0, 1)
        y, state = self._run(x, hx, batched)
        if not batched:
            return y[0], state
        return (y if self.batch_first else y.transpose(0, 1)), state

    def _read_packed(self, input: PackedSequence, hx: State | None) -> tuple[PackedSequence, State]:
        x, lengths = pad_packed_sequence(input, batch_first=True)  # rows in the order of before packing
        y, state = self._run(x, hx, True, lengths)
        if input.sorted_indices is not None:
            y, lengths = y.index_select(0, input.sorted_indices), lengths[input.sorted_indices.cpu()]
        data = pack_padded_sequence(y, lengths, batch_first=True).data
        return PackedSequence(data, input.batch_sizes, input.sorted_indices, input.unsorted_indices), state

    def _run(self, x: Tensor, hx: State | None, batched: bool, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        if x.size(-1) != self.input_size:
            raise ValueError(f"the input has {x.size(-1)} features: expected input_size, {self.input_size}")
        states = None if hx is None else self._form.split(hx, x.size(0), batched)
        if isinstance(self.stack, Stack):
            y, final = self.stack(x, None if states is None else tuple(states), lengths)
        else:
            pairs = None if states is None else tuple(zip(states[::2], states[1::2], strict=True))
            y, final = self.stack(x, lengths, pairs)
            final = [state for pair in final for state in pair]
        return y, self._form.join(final, batched)

    def flatten_parameters(self) -> None:
        """Nothing: it is there for models that call it on nn.LSTM."""

    def extra_repr(self) -> str:
        said = [self.cell.name, str(self.input_size), str(self.hidden_size), f"num_layers={self.num_layers}"]
        for name in ("batch_first", "dropout", "bidirectional"):
            if value := getattr(self, name):
                said.append(f"{name}={value}")
        return ", ".join(said)
