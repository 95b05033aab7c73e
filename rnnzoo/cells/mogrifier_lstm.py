"""LSTM whose input and output modulate each other before each step.

    x_1 = 2 sigmoid(Q_1 h) * x,   h_2 = 2 sigmoid(R_2 x_1) * h,   x_3 = 2 sigmoid(Q_3 h_2) * x_1,   ...
    i, f, g, o = W x_last + U h_last + b
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(c')

Melis, Kocisky & Blunsom 2019, Mogrifier LSTM, arXiv:1909.01792, equations 1 and 2, with full matrices Q and R. Since x
depends on h, nothing can be multiplied ahead of time. Gate order i f g o.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells.base import Cell, CellConfig
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.ranges import Bias, Range
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "MogrifierLSTM", "MogrifierLSTMConfig", "MogrifierLSTMState"]


class MogrifierLSTMState(NamedTuple):
    """The output h (B, H) and the memory c (B, H)."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class MogrifierLSTMConfig(CellConfig, name="mogrifier_lstm"):
    """Mogrifier LSTM.

    Args:
        rounds: how often x or h is modulated; 0 is an LSTM. The paper's best have 5.
        forget_bias: the forget gate's bias at the start.
    """

    rounds: Annotated[int, Range("0 <= x <= 1000")] = 5
    forget_bias: Bias = 1.0

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ValueError("rounds must not be negative")

    def build(self, input_size: int, hidden_size: int) -> MogrifierLSTM:
        return MogrifierLSTM(input_size, hidden_size, self)


class MogrifierLSTM(Cell):
    """A Mogrifier LSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_mogrify: one matrix a round: Q (D, H) in the first, third, ..., R (H, D) in the others.
    """

    def __init__(self, input_size: int, hidden_size: int, config: MogrifierLSTMConfig) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        shapes = [((input_size, hidden_size), (hidden_size, input_size))[i % 2] for i in range(config.rounds)]
        self.weight_mogrify = nn.ParameterList(xavier_gates_(torch.empty(shape), 1) for shape in shapes)
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(4 * hidden_size, input_size), 4))
        self.weight_hh = nn.Parameter(orthogonal_gates_(torch.empty(4 * hidden_size, hidden_size), 4))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        with torch.no_grad():
            self.bias.view(4, -1)[1] = config.forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> MogrifierLSTMState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return MogrifierLSTMState(h=zeros, c=zeros.clone())

    def step(
        self, x: Float[Tensor, "B D"], state: MogrifierLSTMState
    ) -> tuple[Float[Tensor, "B H"], MogrifierLSTMState]:
        h = state.h
        for number, weight in enumerate(self.weight_mogrify):
            if number % 2 == 0:
                x = 2 * F.linear(h, weight).sigmoid() * x
            else:
                h = 2 * F.linear(x, weight).sigmoid() * h
        gates = F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)
        i, f, g, o = gates.chunk(4, dim=-1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, MogrifierLSTMState(h, c)


EXAMPLES = (MogrifierLSTMConfig(), MogrifierLSTMConfig(rounds=2))
