"""Real-gated linear recurrent unit: the recurrence of Griffin and Hawk.

    r = sigmoid(W_a x + b_a)                    recurrence gate: how far the memory decays
    i = sigmoid(W_x x + b_x)                    input gate
    a = sigmoid(Lambda)^(c r),  c = 8
    h' = a * h + sqrt(1 - a^2) * (i * x)

De, Smith, Fernando et al. 2024, arXiv:2402.19427, equations 1 to 4. The gates' matrices are block-diagonal, one block a
head, as in the published code. x has as many entries as h: where the cell's input is of another size, it is projected
first. Convolution and gated branch around it are the block's (`block` of a stack).
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
from rnnzoo.errors import UserError
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.nn.scan import linear_scan, widened
from rnnzoo.ranges import Share, Size
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "RGLRU", "RGLRUConfig", "RGLRUState"]

POWER = 8.0
"""c: how far the recurrence gate can move the decay."""


class RGLRUState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class RGLRUConfig(CellConfig, name="rglru"):
    """Real-gated linear recurrent unit (De et al. 2024).

    Args:
        heads: blocks of the gates' matrices; must divide the hidden size.
        a_min: the decay at an open recurrence gate, sigmoid(Lambda)^8, begins uniform between this and `a_max`.
        a_max: see `a_min`; less than 1.
    """

    heads: Size = 1
    a_min: Share = 0.9
    a_max: Share = 0.999

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ValueError(f"heads is {self.heads}, and must be at least 1")
        if not 0 < self.a_min < self.a_max < 1:
            raise ValueError(f"0 < a_min < a_max < 1 does not hold for {self.a_min} and {self.a_max}")

    def build(self, input_size: int, hidden_size: int) -> RGLRU:
        return RGLRU(input_size, hidden_size, self)


class RGLRU(ScanCell):
    """An RG-LRU layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_in: (H, D), or None where D is H.
        weight_gates: (heads, 2 H / heads, H / heads), r and i of each head. bias_gates: (heads, 2 H / heads).
        decay: Lambda, (H).

    Raises:
        UserError: `heads` does not divide the hidden size.
    """

    def __init__(self, input_size: int, hidden_size: int, config: RGLRUConfig) -> None:
        super().__init__()
        if hidden_size % config.heads:
            raise UserError(f"{config.heads} heads do not divide a hidden size of {hidden_size}")
        self.input_size, self.output_size = input_size, hidden_size
        size = hidden_size // config.heads
        self.weight_in = (
            None if input_size == hidden_size else nn.Parameter(xavier_gates_(torch.empty(hidden_size, input_size), 1))
        )
        self.weight_gates = nn.Parameter(torch.randn(config.heads, 2 * size, size) / math.sqrt(size))
        self.bias_gates = nn.Parameter(torch.zeros(config.heads, 2 * size))
        root = torch.empty(hidden_size).uniform_(config.a_min, config.a_max) ** (1 / POWER)
        self.decay = nn.Parameter(root.logit())

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> RGLRUState:
        return RGLRUState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def step(self, x: Float[Tensor, "B D"], state: RGLRUState) -> tuple[Float[Tensor, "B H"], RGLRUState]:
        a, b = self._terms(x)
        h = (a * state.h + b).to(state.h.dtype)
        return h, RGLRUState(h)

    def all_steps(self, x: Float[Tensor, "B T D"], state: RGLRUState) -> tuple[Float[Tensor, "B T H"], RGLRUState]:
        a, b = self._terms(x)
        h = linear_scan(a, b, state.h).to(state.h.dtype)
        return h, RGLRUState(h)

    def _terms(self, x: Float[Tensor, "B *T D"]) -> tuple[Tensor, Tensor]:
        """a and sqrt(1 - a^2) * (i * x), each (B, ..., H), in float32 at least: a is close to 1."""
        if self.weight_in is not None:
            x = F.linear(x, self.weight_in)
        heads = x.reshape(*x.shape[:-1], len(self.weight_gates), self.weight_gates.size(2))
        gates = torch.einsum("...hd,hgd->...hg", heads, self.weight_gates) + self.bias_gates
        r, i = (gate.flatten(-2) for gate in gates.chunk(2, dim=-1))
        (r, i, x, decay), _ = widened(r, i, x, self.decay)
        log_a = POWER * r.sigmoid() * F.logsigmoid(decay)
        # The square root has no slope at 0, where a gate that is shut to the last digit would bring it.
        rest = (-torch.expm1(2 * log_a)).clamp(min=1e-12).sqrt()
        return log_a.exp(), rest * i.sigmoid() * x


EXAMPLES = (RGLRUConfig(), RGLRUConfig(heads=5, a_min=0.5, a_max=0.9))
