"""Cells on top of each other: itself a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import torch
from torch import nn
from torch.nn.utils import parametrize

from rnnzoo.backbones.block import Block, BlockConfig
from rnnzoo.backbones.zoneout import zoned
from rnnzoo.cells._kernel import KernelCell, run_kernel
from rnnzoo.cells.base import Cell, CellConfig
from rnnzoo.cells.lstm import LSTMConfig
from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.nn import LockedDropout, drop_weights, zero_padding
from rnnzoo.ranges import DropProbability, Range, Size, SizeOrZero
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Stack", "StackConfig"]


@dataclass(frozen=True)
class StackConfig(Config):
    """Several layers of cells, with what stands between them.

    Args:
        cell: the cell of every layer.
        cells: one cell for each layer instead, where they differ.
        hidden_size: units of each layer.
        num_layers: how many layers; with `cells`, as many as there are.
        residual: adds each layer's input, as it is before normalisation and dropout, to its output, where both
            have one size.
        layer_norm: layer normalisation between the layers.
        hidden_dropout: dropout between the layers.
        locked_dropout: that dropout keeps one mask for all steps of a sequence.
        weight_dropout: dropout on the recurrent weights.
        output_size: units of the last layer, where it differs from the others (AWD-LSTM); 0 for `hidden_size`.
        block: what stands around each cell, with a residual and norms of its own; `hidden_dropout` then falls on what
            each branch adds to the residual.
        zoneout: share of the units that keep their value from one step to the next; the layers are then unrolled.
    """

    cell: CellConfig = field(default_factory=LSTMConfig)
    cells: tuple[CellConfig, ...] = ()
    hidden_size: Size = 256
    num_layers: Annotated[int, Range("1 <= x <= 1000")] = 1
    residual: bool = False
    layer_norm: bool = False
    hidden_dropout: DropProbability = 0.0
    locked_dropout: bool = False
    weight_dropout: DropProbability = 0.0
    output_size: SizeOrZero = 0
    block: BlockConfig | None = None
    zoneout: DropProbability = 0.0

    def __post_init__(self) -> None:
        if self.cells and self.num_layers not in (1, len(self.cells)):
            raise ValueError(f"num_layers is {self.num_layers}, but there are {len(self.cells)} cells")
        if self.block is not None and (self.residual or self.layer_norm):
            raise ValueError("a block has a residual and norms of its own: leave residual and layer_norm off")

    @property
    def layers(self) -> tuple[CellConfig, ...]:
        """One cell config for each layer."""
        return self.cells or (self.cell,) * self.num_layers

    def size(self, index: int) -> int:
        """The units of layer `index`."""
        return self.output_size if self.output_size and index == len(self.layers) - 1 else self.hidden_size

    def build_layer(self, cell_config: CellConfig, input_size: int, hidden_size: int, dropout: nn.Module) -> Cell:
        """One layer: the cell, its recurrent weights dropped, in its block if there is one.

        Raises:
            UserError: `weight_dropout` has nothing to fall on.
        """
        sizes = (input_size, hidden_size) if self.block is None else (self.block.cell_size(hidden_size),) * 2
        cell = cell_config.build(*sizes)
        if self.weight_dropout > 0 and not cell.recurrent_weights:
            raise UserError(f"weight_dropout: the cell {cell_config.name!r} has no recurrent weights to drop")
        drop_weights(cell, cell.recurrent_weights, self.weight_dropout)
        cell = zoned(cell, self.zoneout)
        return cell if self.block is None else Block(self.block, cell, input_size, hidden_size, dropout)

    def build(self, input_size: int) -> Stack:
        """The stack for inputs of `input_size` features."""
        return Stack(self, input_size)


class Stack(Cell):
    """Layers of cells; satisfies the cell protocol. Its state is the tuple of the layers' states.

    Attributes:
        layers: the cells, first to last.
        output_size: features of the last layer's output.
    """

    layers: nn.ModuleList
    recurrent_weights = ()

    def __init__(self, config: StackConfig, input_size: int) -> None:
        super().__init__()
        self.config, self.input_size = config, input_size
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        self.dropout = (LockedDropout if config.locked_dropout else nn.Dropout)(config.hidden_dropout)
        size = input_size
        for index, cell_config in enumerate(config.layers):
            if index > 0 and config.layer_norm:
                self.norms.append(nn.LayerNorm(size))
            layer = config.build_layer(cell_config, size, config.size(index), self.dropout)
            self.layers.append(layer)
            size = layer.output_size
        self.output_size = size
        self.final_norm = nn.Identity() if config.block is None else config.block.build_norm(size)

    @property
    def cells(self) -> list[Cell]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, Cell)]

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        return tuple(cell.initial_state(batch_size, device=device, dtype=dtype) for cell in self.cells)

    def step(self, x: Float[Tensor, "B D"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        new = []
        for index, cell in enumerate(self.cells):
            y, layer_state = cell.step(self._before(index, x), state[index])
            x = self._after(x, y)
            new.append(layer_state)
        return self.final_norm(x), tuple(new)

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        state = self.begin(x, state)
        with parametrize.cached():  # one mask of dropped weights for the whole sequence
            if x.is_cuda and (cells := self.fusable_cells()) is not None:
                return run_kernel(cells, x, state, lengths, self.config.hidden_dropout)
            if self.config.residual and lengths is not None:
                x = zero_padding(x, lengths)  # else what stands there would be added to the outputs
            new = []
            for index, cell in enumerate(self.cells):
                y, layer_state = cell(self._before(index, x), state[index], lengths)
                x = self._after(x, y)
                new.append(layer_state)
            if self.config.block is not None:
                x = zero_padding(self.final_norm(x), lengths)
        return x, tuple(new)

    def fusable_cells(self) -> list[KernelCell] | None:
        """The layers, if one kernel call can run them all: one kind of cell with nothing but dropout between."""
        config = self.config
        if (
            config.residual
            or config.layer_norm
            or config.zoneout > 0
            or (config.locked_dropout and config.hidden_dropout > 0)
        ):
            return None
        cells = [cell for cell in self.cells if isinstance(cell, KernelCell)]
        # By kernel, not by type: weight dropout gives each cell a type of its own.
        kinds = {(cell.kernel, cell.weight_names, cell.output_size) for cell in cells}
        alike = len(cells) == len(self.layers) and len(kinds) == 1
        return cells if alike and len(cells) > 1 else None

    def load_torch(self, weights: Mapping[str, Tensor]) -> None:
        """Takes the state_dict of an nn.LSTM, nn.GRU or nn.RNN with as many layers.

        Raises:
            ValueError: another number of layers, a shape that differs, or a layer without a PyTorch counterpart.
        """
        layers = sum(name.startswith("weight_hh_l") for name in weights)
        if layers != len(self.layers):
            raise ValueError(f"the weights are of {layers} layers, the stack has {len(self.layers)}")
        for index, cell in enumerate(self.cells):
            if not isinstance(cell, KernelCell):
                raise ValueError(f"layer {index} is a {type(cell).__name__}, which PyTorch does not have")
            cell.load_torch(weights, f"_l{index}")

    def _before(self, index: int, x: Tensor) -> Tensor:
        """What stands between layer `index` and the one below it."""
        if index == 0 or self.config.block is not None:
            return x
        if self.config.layer_norm:
            x = self.norms[index - 1](x)
        dropped: Tensor = self.dropout(x)
        return dropped

    def _after(self, x: Tensor, y: Tensor) -> Tensor:
        """What layer `y` hands on, with its input `x` as it was before normalisation and dropout."""
        return y + x if self.config.residual and x.shape == y.shape else y
