"""Minimal gated recurrent unit: a GRU whose gate and content no longer look at the past.

    z = sigmoid(W_z x + b_z)            how much is new
    n = W_n x + b_n                     the new content; with `positive`, g of it
    h' = (1 - z) * h + z * n

Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs all we needed?", arXiv:2410.01201, section 3.1; g is that of
their log-space form, appendix B: g(a) = a + 0.5 from 0 on, sigmoid(a) below, so that the state stays positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._scan import ScanCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.elementwise import gated_scan, gated_step
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "MinGRU", "MinGRUConfig", "MinGRUState", "positive_content"]


class MinGRUState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class MinGRUConfig(CellConfig, name="mingru"):
    """Minimal gated recurrent unit (Feng et al. 2024).

    Args:
        positive: content and state are kept positive, as the paper's log-space form needs and its experiments have it.
            The scan here needs no logarithms, so this is a choice of function, not of stability.
    """

    positive: bool = False

    def build(self, input_size: int, hidden_size: int) -> MinGRU:
        return MinGRU(input_size, hidden_size, self.positive)


class MinGRU(ScanCell):
    """A minGRU layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (2 H, D) and bias_ih: (2 H), gates z n. Glorot-uniform and zero, the paper says nothing of them.
    """

    def __init__(self, input_size: int, hidden_size: int, positive: bool = False) -> None:
        super().__init__()
        self.input_size, self.output_size, self.positive = input_size, hidden_size, positive
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(2 * hidden_size, input_size), 2))
        self.bias_ih = nn.Parameter(torch.zeros(2 * hidden_size))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> MinGRUState:
        return MinGRUState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def step(self, x: Float[Tensor, "B D"], state: MinGRUState) -> tuple[Float[Tensor, "B H"], MinGRUState]:
        h = gated_step(*self._gates(x), state.h)
        return h, MinGRUState(h)

    def all_steps(self, x: Float[Tensor, "B T D"], state: MinGRUState) -> tuple[Float[Tensor, "B T H"], MinGRUState]:
        h = gated_scan(*self._gates(x), state.h)
        return h, MinGRUState(h)

    def _gates(self, x: Float[Tensor, "B *T D"]) -> tuple[Float[Tensor, "B *T H"], Float[Tensor, "B *T H"]]:
        """What the scan keeps by, the argument of 1 - z = sigmoid(-a), and the new content."""
        z, n = F.linear(x, self.weight_ih, self.bias_ih).chunk(2, dim=-1)
        return -z, positive_content(n) if self.positive else n


def positive_content(a: Float[Tensor, "B *T H"]) -> Float[Tensor, "B *T H"]:
    """g(a) = a + 0.5 from 0 on, sigmoid(a) below (arXiv:2410.01201, appendix B): positive, without a jump."""
    return torch.where(a >= 0, a + 0.5, a.sigmoid())


EXAMPLES = (MinGRUConfig(), MinGRUConfig(positive=True))
