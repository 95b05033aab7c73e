"""Encoders that read a whole sequence in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrize

from rnnzoo.backbones.stack import StackConfig
from rnnzoo.cells._kernel import KernelCell
from rnnzoo.cells.base import Cell
from rnnzoo.nn import LockedDropout, zero_padding
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["BidirectionalStack", "BidirectionalStackConfig", "reverse"]


@dataclass(frozen=True)
class BidirectionalStackConfig(StackConfig):
    """A stack in which each layer reads forwards and backwards.

    `hidden_size` is that of one direction; a layer's output is both side by side, twice as wide.
    """

    def build(self, input_size: int) -> BidirectionalStack:  # type: ignore[override]
        """The encoder for inputs of `input_size` features."""
        return BidirectionalStack(self, input_size)


class BidirectionalStack(nn.Module):
    """Layers of two cells each (Schuster & Paliwal 1997, doi:10.1109/78.650093).

    It has no `step`, so that it cannot stand under a language model by mistake.

    Attributes:
        output_size: features of the last layer's output, both directions together.
    """

    def __init__(self, config: BidirectionalStackConfig, input_size: int) -> None:
        super().__init__()
        self.config, self.input_size = config, input_size
        self.ahead, self.back, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.dropout = (LockedDropout if config.locked_dropout else nn.Dropout)(config.hidden_dropout)
        size = input_size
        for index, cell_config in enumerate(config.layers):
            if index > 0 and config.layer_norm:
                self.norms.append(nn.LayerNorm(size))
            pair = [config.build_layer(cell_config, size, config.size(index), self.dropout) for _ in range(2)]
            for cell, direction in zip(pair, (self.ahead, self.back), strict=True):
                direction.append(cell)
            size = sum(cell.output_size for cell in pair)
        self.output_size = size
        self.final_norm = nn.Identity() if config.block is None else config.block.build_norm(size)

    @property
    def pairs(self) -> list[tuple[Cell, Cell]]:
        """The forward and the backward cell of each layer."""
        pairs = zip(self.ahead, self.back, strict=True)
        return [(a, b) for a, b in pairs if isinstance(a, Cell) and isinstance(b, Cell)]

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """For each layer the pair of its directions' initial states."""
        return tuple(tuple(c.initial_state(batch_size, device=device, dtype=dtype) for c in p) for p in self.pairs)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        lengths: Int[Tensor, "B"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """Reads whole sequences.

        Args:
            x: the inputs.
            lengths: valid steps of each row; the backward direction begins at a row's last valid step.
            state: what each layer's directions begin with, in the form of the final states; their initial states when
                left out.

        Returns:
            Outputs, zero past each row's end, and for each layer the pair of final states: the forward one after
            the last valid step, the backward one after the first.
        """
        if self.config.residual and lengths is not None:
            x = zero_padding(x, lengths)  # else what stands there would be added to the outputs
        states = []
        with parametrize.cached():
            for index, (ahead, back) in enumerate(self.pairs):
                before = x
                if index > 0 and self.config.block is None:
                    x = self.dropout(self.norms[index - 1](x) if self.config.layer_norm else x)
                begin = (None, None) if state is None else state[index]
                right, right_state = ahead(x, begin[0], lengths)
                left, left_state = back(reverse(x, lengths), begin[1], lengths)
                x = torch.cat((right, reverse(left, lengths)), dim=-1)
                if self.config.residual and x.shape == before.shape:
                    x = x + before
                states.append((right_state, left_state))
            if self.config.block is not None:
                x = zero_padding(self.final_norm(x), lengths)
        return x, tuple(states)

    def load_torch(self, weights: Mapping[str, Tensor]) -> None:
        """Takes the state_dict of a bidirectional nn.LSTM, nn.GRU or nn.RNN with as many layers.

        Raises:
            ValueError: another number of layers, or a layer without a PyTorch counterpart.
        """
        layers = sum(name.startswith("weight_hh_l") for name in weights) // 2
        if layers != len(self.pairs):
            raise ValueError(f"the weights are of {layers} bidirectional layers, the stack has {len(self.pairs)}")
        for index, pair in enumerate(self.pairs):
            for cell, suffix in zip(pair, (f"_l{index}", f"_l{index}_reverse"), strict=True):
                if not isinstance(cell, KernelCell):
                    raise ValueError(f"layer {index} is a {type(cell).__name__}, which PyTorch does not have")
                cell.load_torch(weights, suffix)


def reverse(x: Float[Tensor, "B T D"], lengths: Int[Tensor, "B"] | None = None) -> Float[Tensor, "B T D"]:
    """Each row's valid steps in the opposite order, its padding left where it is; its own inverse."""
    if lengths is None:
        return x.flip(1)
    time = torch.arange(x.size(1), device=x.device)
    ends = lengths.to(x.device)[:, None]
    order = torch.where(time < ends, ends - 1 - time, time)
    return x.gather(1, order[:, :, None].expand_as(x))
