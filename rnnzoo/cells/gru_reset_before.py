"""Gated recurrent unit as first published: the reset gate acts before the recurrent product.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)             reset: how much of the past the new content sees
    z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)             update: how much of the past stays
    n = tanh   (W_in x + b_in + W_hn (r * h) + b_hn)       the new content
    h' = (1 - z) * n + z * h

Cho et al. 2014, arXiv:1406.1078, equations 5 to 8. With the same weights its outputs differ from those of `gru`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells.base import Cell, CellConfig
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "GRUResetBefore", "GRUResetBeforeConfig", "GRUResetBeforeState"]


class GRUResetBeforeState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class GRUResetBeforeConfig(CellConfig, name="gru_reset_before"):
    """Gated recurrent unit, reset gate before the product (Cho et al. 2014)."""

    def build(self, input_size: int, hidden_size: int) -> GRUResetBefore:
        return GRUResetBefore(input_size, hidden_size)


class GRUResetBefore(Cell):
    """A GRU layer: (B, T, input_size) -> (B, T, hidden_size). Gates r z n, shapes as in nn.GRUCell."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(3 * hidden_size, input_size), 3))
        self.weight_hh = nn.Parameter(orthogonal_gates_(torch.empty(3 * hidden_size, hidden_size), 3))
        self.bias_ih = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias_hh = nn.Parameter(torch.zeros(3 * hidden_size))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> GRUResetBeforeState:
        return GRUResetBeforeState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def step(
        self, x: Float[Tensor, "B D"], state: GRUResetBeforeState
    ) -> tuple[Float[Tensor, "B H"], GRUResetBeforeState]:
        size = self.output_size
        x_r, x_z, x_n = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=-1)
        weight_hh = self.weight_hh  # read once: under weight dropout each reading is a new mask
        h_rz = F.linear(state.h, weight_hh[: 2 * size], self.bias_hh[: 2 * size])
        h_r, h_z = h_rz.chunk(2, dim=-1)
        r = (x_r + h_r).sigmoid()
        z = (x_z + h_z).sigmoid()
        n = (x_n + F.linear(r * state.h, weight_hh[2 * size :], self.bias_hh[2 * size :])).tanh()
        h = (1 - z) * n + z * state.h
        return h, GRUResetBeforeState(h)


EXAMPLES = (GRUResetBeforeConfig(),)
