"""Quasi-recurrent network: convolutions in time, and a recurrence that only averages (fo-pooling).

    z = tanh   (W_z [x_{t-k+1} .. x_t] + b_z)       the new content, from a window of k inputs
    f = sigmoid(W_f [x_{t-k+1} .. x_t] + b_f)       what is kept
    o = sigmoid(W_o [x_{t-k+1} .. x_t] + b_o)       what is shown
    c' = f * c + (1 - f) * z
    h' = o * c'

Bradbury, Merity, Xiong & Socher 2017, arXiv:1611.01576, equations 1 to 4. The windows are masked convolutions: no input
after t is in them. Before the first step stand zeros, so the past inputs are part of the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._scan import ScanCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.elementwise import gated_scan, gated_step
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.ranges import Bias, Range
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "QRNN", "QRNNConfig", "QRNNState"]


class QRNNState(NamedTuple):
    """The memory c (B, H), and the last window - 1 inputs, oldest first, each (B, D)."""

    c: Float[Tensor, "B H"]
    past: tuple[Float[Tensor, "B D"], ...]


@dataclass(frozen=True)
class QRNNConfig(CellConfig, name="qrnn"):
    """Quasi-recurrent network with fo-pooling (Bradbury et al. 2017).

    Args:
        window: inputs that a step sees, this one and those before it. The paper's language models have 2.
        forget_bias: the forget gate's bias at the start.
    """

    window: Annotated[int, Range("1 <= x <= 1000")] = 2
    forget_bias: Bias = 0.0

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window is {self.window}, and must be at least 1")

    def build(self, input_size: int, hidden_size: int) -> QRNN:
        return QRNN(input_size, hidden_size, self.window, self.forget_bias)


class QRNN(ScanCell):
    """A QRNN layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (3 H, window * D), for z f o, each over the window's inputs, oldest first. bias_ih: (3 H).
    """

    def __init__(self, input_size: int, hidden_size: int, window: int = 2, forget_bias: float = 0.0) -> None:
        super().__init__()
        self.input_size, self.output_size, self.window = input_size, hidden_size, window
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(3 * hidden_size, window * input_size), 3))
        self.bias_ih = nn.Parameter(torch.zeros(3 * hidden_size))
        with torch.no_grad():
            self.bias_ih.view(3, -1)[1] = forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> QRNNState:
        past = tuple(self.zeros(batch_size, self.input_size, device, dtype) for _ in range(self.window - 1))
        return QRNNState(self.zeros(batch_size, self.output_size, device, dtype), past)

    def step(self, x: Float[Tensor, "B D"], state: QRNNState) -> tuple[Float[Tensor, "B H"], QRNNState]:
        window = (*state.past, x)
        z, f, o = self._gates(window)
        c = gated_step(f, z, state.c)
        return o * c, QRNNState(c, window[1:])

    def all_steps(self, x: Float[Tensor, "B T D"], state: QRNNState) -> tuple[Float[Tensor, "B T H"], QRNNState]:
        inputs = torch.cat((*(past[:, None] for past in state.past), x), 1)
        window = tuple(inputs[:, shift : shift + x.size(1)] for shift in range(self.window))
        z, f, o = self._gates(window)
        c = gated_scan(f, z, state.c)
        return o * c, QRNNState(c, window[1:])

    def _gates(self, window: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """z, the argument of f, and o, each (B, ..., H)."""
        z, f, o = F.linear(torch.cat(window, -1), self.weight_ih, self.bias_ih).chunk(3, dim=-1)
        return z.tanh(), f, o.sigmoid()


EXAMPLES = (QRNNConfig(), QRNNConfig(window=1), QRNNConfig(window=3, forget_bias=1.0))
