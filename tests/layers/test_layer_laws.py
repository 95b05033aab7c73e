"""Layers obey the laws of cells: the same steps, one at a time or all at once, with padding or packed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import rnnzoo
from rnnzoo import state as states
from rnnzoo.cells import builtin_cells
from rnnzoo.state import State
from rnnzoo.testing import check_cell


class AsCell(nn.Module):
    """A layer behind the protocol of cells: the batch first in each state, and lengths, of which packing bears no 0."""

    def __init__(self, name: str, num_layers: int) -> None:
        super().__init__()
        self.layer: Any = rnnzoo.rnn(name, 3, 4, num_layers, batch_first=True)
        self.input_size = 3
        with torch.no_grad():
            y, final = self.layer(torch.zeros(1, 1, 3))
        self.output_size = y.size(-1)
        self.batch_axis = 0 if name == "qrnn" and num_layers > 1 else 1
        self.like = states.map(torch.zeros_like, final)

    def turned(self, state: State) -> State:
        return states.map(lambda leaf: leaf.transpose(0, self.batch_axis), state)

    def initial_state(self, batch_size: int, *, device: Any = None, dtype: Any = None) -> State:
        if isinstance(self.layer, nn.RNNBase):
            repeated = states.to(states.repeat(self.turned(self.like), batch_size), device)
        else:
            cells = [cell.initial_state(batch_size, device=device) for cell in self.layer.cells]
            repeated = self.turned(self.layer._form.join(cells, True))
        return states.to(repeated, dtype=dtype or next(self.parameters()).dtype)

    def step(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        y, new = self.forward(x[:, None], state)
        return y[:, 0], new

    def forward(self, x: torch.Tensor, state: State | None = None, lengths: Any = None) -> tuple[torch.Tensor, State]:
        state = self.initial_state(len(x)) if state is None else state
        states.check(state, len(x))
        if lengths is None:
            if x.size(1) == 0:
                return x.new_zeros(len(x), 0, self.output_size), state
            y, new = self.layer(x, self.turned(state))
            return y, self.turned(new)
        some = lengths > 0
        if not some.any():
            return x.new_zeros(len(x), x.size(1), self.output_size), state
        packed = pack_padded_sequence(x[some], lengths[some].cpu(), batch_first=True, enforce_sorted=False)
        index = some.nonzero()[:, 0]
        out, new = self.layer(packed, self.turned(states.gather(state, index)))
        y = x.new_zeros(len(x), x.size(1), self.output_size)
        y = y.index_copy(0, index, pad_packed_sequence(out, batch_first=True, total_length=x.size(1))[0])
        new = states.map(lambda old, leaf: old.index_copy(0, index, leaf), state, self.turned(new))
        return y, new


@pytest.mark.slow
@pytest.mark.parametrize("name", builtin_cells())
def test_laws(name: str) -> None:
    check_cell(AsCell(name, 2), dtypes=[torch.float64])


@pytest.mark.parametrize("name", ["lstm", "mingru", "qrnn"])
def test_laws_of_one_layer(name: str) -> None:
    check_cell(AsCell(name, 1), dtypes=[torch.float64, torch.float32])
