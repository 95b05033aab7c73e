"""Simple recurrent unit: light recurrence, and a highway around it.

    f = sigmoid(W_f x + v_f * c + b_f)          what is kept
    r = sigmoid(W_r x + v_r * c + b_r)          how much of the memory is shown
    c' = f * c + (1 - f) * W x
    h' = r * c' + (1 - r) * alpha * x           x projected where its size is not that of h

Lei, Zhang, Wang, Dai & Artzi 2018, arXiv:1709.02755, equations 1 to 4, with the scaling correction alpha of section
3.2 there. c on the right is the memory before the step, for both gates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._scan import ScanCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.elementwise import gated_scan, gated_step
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "SRU", "SRUConfig", "SRUState"]


class SRUState(NamedTuple):
    """The memory c (B, H)."""

    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class SRUConfig(CellConfig, name="sru"):
    """Simple recurrent unit (Lei et al. 2018).

    Args:
        highway_bias: b_r at the start; the more negative, the more of the input passes by the memory.
    """

    highway_bias: Bias = 0.0

    def build(self, input_size: int, hidden_size: int) -> SRU:
        return SRU(input_size, hidden_size, self.highway_bias)


class SRU(ScanCell):
    """An SRU layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (3 H, D), for content, f and r; (4 H, D) where D is not H, the last for the highway.
        weight_hh: (2 H), v_f and v_r. bias_ih: (2 H), b_f and b_r.
        alpha: sqrt(1 + 2 exp(highway_bias)), which keeps the variance from layer to layer.
    """

    recurrent_weights = ("weight_hh",)

    def __init__(self, input_size: int, hidden_size: int, highway_bias: float = 0.0) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.alpha = math.sqrt(1 + 2 * math.exp(highway_bias))
        rows = (3 if input_size == hidden_size else 4) * hidden_size
        bound = math.sqrt(3 / input_size)  # variance 1 / D; that of a gate's two sources is halved, as in the code
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(2 * hidden_size).uniform_(-math.sqrt(1.5), math.sqrt(1.5)))
        self.bias_ih = nn.Parameter(torch.zeros(2 * hidden_size))
        with torch.no_grad():
            self.weight_ih[hidden_size : 3 * hidden_size] *= math.sqrt(0.5)
            self.bias_ih[hidden_size:] = highway_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> SRUState:
        return SRUState(c=self.zeros(batch_size, self.output_size, device, dtype))

    def step(self, x: Float[Tensor, "B D"], state: SRUState) -> tuple[Float[Tensor, "B H"], SRUState]:
        content, f, r, highway = self._inputs(x)
        v_f, v_r = self.weight_hh.chunk(2)
        c = gated_step(f, content, state.c, v_f)
        return self._shown(c, r + v_r * state.c, highway), SRUState(c)

    def all_steps(self, x: Float[Tensor, "B T D"], state: SRUState) -> tuple[Float[Tensor, "B T H"], SRUState]:
        content, f, r, highway = self._inputs(x)
        v_f, v_r = self.weight_hh.chunk(2)
        c = gated_scan(f, content, state.c, v_f)
        before = torch.cat((state.c[:, None], c[:, :-1]), 1)
        return self._shown(c, r + v_r * before, highway), SRUState(c)

    def _inputs(self, x: Float[Tensor, "B *T D"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of the input alone: the content, the arguments of f and r, and the highway, each (B, ..., H)."""
        content, f, r, *other = torch.split(F.linear(x, self.weight_ih), self.output_size, -1)
        b_f, b_r = self.bias_ih.chunk(2)
        return content, f + b_f, r + b_r, other[0] if other else x

    def _shown(self, c: Tensor, r: Tensor, highway: Tensor) -> Float[Tensor, "B *T H"]:
        return highway * self.alpha + r.sigmoid() * (c - highway * self.alpha)


EXAMPLES = (SRUConfig(), SRUConfig(highway_bias=-2.0))
