"""Long short-term memory, with a forget gate.

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      what is written
    f = sigmoid(W_if x + b_if + W_hf h + b_hf)      what is kept
    g = tanh   (W_ig x + b_ig + W_hg h + b_hg)      the new content
    o = sigmoid(W_io x + b_io + W_ho h + b_ho)      what is shown
    c' = f * c + i * g
    h' = o * tanh(c')

Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate is from Gers, Schmidhuber &
Cummins 2000, doi:10.1162/089976600300015015. Weights and gate order are those of nn.LSTM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from rnnzoo.cells._kernel import KernelCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "LSTM", "LSTMConfig", "LSTMState"]


class LSTMState(NamedTuple):
    """The output h (B, H) and the memory c (B, H)."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class LSTMConfig(CellConfig, name="lstm"):
    """Long short-term memory.

    Args:
        forget_bias: the forget gate's bias at the start, both bias vectors together; 1 lets a new network
            remember (Jozefowicz et al. 2015).
    """

    forget_bias: Bias = 1.0

    def build(self, input_size: int, hidden_size: int) -> LSTM:
        return LSTM(input_size, hidden_size, self.forget_bias)


class LSTM(KernelCell):
    """An LSTM layer: (B, T, input_size) -> (B, T, hidden_size)."""

    gates = 4

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        with torch.no_grad():
            self.bias_ih.view(4, -1)[1] = forget_bias  # in one of the two vectors, since they are added

    @property
    def kernel(self) -> Any:
        return torch.lstm

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> LSTMState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return LSTMState(h=zeros, c=zeros.clone())  # safetensors saves no tensor twice

    def advance(self, x_proj: Float[Tensor, "B P"], state: LSTMState) -> tuple[Float[Tensor, "B H"], LSTMState]:
        gates = x_proj + F.linear(state.h, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, dim=-1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, LSTMState(h, c)


EXAMPLES = (LSTMConfig(), LSTMConfig(forget_bias=0.0))
