"""Gated recurrent unit, in the variant of cuDNN and nn.GRU: the reset gate acts after the recurrent product.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)             reset: how much of the past the new content sees
    z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)             update: how much of the past stays
    n = tanh   (W_in x + b_in + r * (W_hn h + b_hn))       the new content
    h' = (1 - z) * n + z * h

Cho et al. 2014, arXiv:1406.1078, where the reset gate acts before the product: that is `gru_reset_before`.
Weights and gate order are those of nn.GRU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from rnnzoo.cells._kernel import KernelCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "GRU", "GRUConfig", "GRUState"]


class GRUState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class GRUConfig(CellConfig, name="gru"):
    """Gated recurrent unit, reset gate after the product (cuDNN, nn.GRU)."""

    def build(self, input_size: int, hidden_size: int) -> GRU:
        return GRU(input_size, hidden_size)


class GRU(KernelCell):
    """A GRU layer: (B, T, input_size) -> (B, T, hidden_size)."""

    gates = 3

    @property
    def kernel(self) -> Any:
        return torch.gru

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> GRUState:
        return GRUState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def advance(self, x_proj: Float[Tensor, "B P"], state: GRUState) -> tuple[Float[Tensor, "B H"], GRUState]:
        x_r, x_z, x_n = x_proj.chunk(3, dim=-1)
        h_r, h_z, h_n = F.linear(state.h, self.weight_hh, self.bias_hh).chunk(3, dim=-1)
        r = (x_r + h_r).sigmoid()
        z = (x_z + h_z).sigmoid()
        n = (x_n + r * h_n).tanh()
        h = (1 - z) * n + z * state.h
        return h, GRUState(h)


EXAMPLES = (GRUConfig(),)
