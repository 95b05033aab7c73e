"""Minimal LSTM: forget and input gate no longer look at the past, and always sum to one.

    f = sigmoid(W_f x + b_f)            what is kept
    i = sigmoid(W_i x + b_i)            what is written
    n = W_n x + b_n                     the new content; with `positive`, g of it
    h' = f / (f + i) * h + i / (f + i) * n

Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs all we needed?", arXiv:2410.01201, section 3.2; g as in
`mingru`. The share that is kept is computed as f / (f + i) = sigmoid(ln f - ln i), which has no quotient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._scan import ScanCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.cells.mingru import positive_content
from rnnzoo.nn.elementwise import gated_scan, gated_step
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "MinLSTM", "MinLSTMConfig", "MinLSTMState"]


class MinLSTMState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class MinLSTMConfig(CellConfig, name="minlstm"):
    """Minimal LSTM (Feng et al. 2024).

    Args:
        forget_bias: the forget gate's bias at the start; the paper finds that training gets better with it.
        positive: content and state are kept positive, as in the paper's log-space form.
    """

    forget_bias: Bias = 1.0
    positive: bool = False

    def build(self, input_size: int, hidden_size: int) -> MinLSTM:
        return MinLSTM(input_size, hidden_size, self.forget_bias, self.positive)


class MinLSTM(ScanCell):
    """A minLSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (3 H, D) and bias_ih: (3 H), gates i f n. Glorot-uniform and zero but for the forget gate.
    """

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0, positive: bool = False) -> None:
        super().__init__()
        self.input_size, self.output_size, self.positive = input_size, hidden_size, positive
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(3 * hidden_size, input_size), 3))
        self.bias_ih = nn.Parameter(torch.zeros(3 * hidden_size))
        with torch.no_grad():
            self.bias_ih.view(3, -1)[1] = forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> MinLSTMState:
        return MinLSTMState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def step(self, x: Float[Tensor, "B D"], state: MinLSTMState) -> tuple[Float[Tensor, "B H"], MinLSTMState]:
        h = gated_step(*self._gates(x), state.h)
        return h, MinLSTMState(h)

    def all_steps(self, x: Float[Tensor, "B T D"], state: MinLSTMState) -> tuple[Float[Tensor, "B T H"], MinLSTMState]:
        h = gated_scan(*self._gates(x), state.h)
        return h, MinLSTMState(h)

    def _gates(self, x: Float[Tensor, "B *T D"]) -> tuple[Float[Tensor, "B *T H"], Float[Tensor, "B *T H"]]:
        """What the scan keeps by, the argument of f / (f + i) = sigmoid(a), and the new content."""
        i, f, n = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=-1)
        return F.logsigmoid(f) - F.logsigmoid(i), positive_content(n) if self.positive else n


EXAMPLES = (MinLSTMConfig(), MinLSTMConfig(forget_bias=0.0, positive=True))
