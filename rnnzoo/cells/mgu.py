"""Minimal gated unit: a GRU whose one gate resets and updates.

    f = sigmoid(W_if x + W_hf h + b_f)              how much of the past the new content sees, and gives way
    n = tanh   (W_in x + W_hn (f * h) + b_n)        the new content
    h' = (1 - f) * h + f * n

Zhou, Wu, Zhang & Zhou 2016, Minimal gated unit for recurrent neural networks, arXiv:1603.09420. Gate order f n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._hoisted import HoistedCell
from rnnzoo.cells._products import hoisted_linear
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "MGU", "MGUConfig", "MGUState"]


class MGUState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class MGUConfig(CellConfig, name="mgu"):
    """Minimal gated unit."""

    def build(self, input_size: int, hidden_size: int) -> MGU:
        return MGU(input_size, hidden_size)


class MGU(HoistedCell):
    """An MGU layer: (B, T, input_size) -> (B, T, hidden_size)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(2 * hidden_size, input_size), 2))
        self.weight_hh = nn.Parameter(orthogonal_gates_(torch.empty(2 * hidden_size, hidden_size), 2))
        self.bias = nn.Parameter(torch.zeros(2 * hidden_size))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> MGUState:
        return MGUState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        return hoisted_linear(x, self.weight_ih, self.bias)

    def advance(self, x_proj: Float[Tensor, "B P"], state: MGUState) -> tuple[Float[Tensor, "B H"], MGUState]:
        x_f, x_n = x_proj.chunk(2, dim=-1)
        weight_f, weight_n = self.weight_hh.chunk(2)  # read once: under weight dropout each reading is a new mask
        f = (x_f + F.linear(state.h, weight_f)).sigmoid()
        n = (x_n + F.linear(f * state.h, weight_n)).tanh()
        h = torch.lerp(state.h, n.to(state.h), f.to(state.h))
        return h, MGUState(h)


EXAMPLES = (MGUConfig(),)
