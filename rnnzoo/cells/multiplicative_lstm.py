"""Multiplicative LSTM: each input has a recurrent matrix of its own, factored.

    m = (W_mx x) * (W_mh h)                 stands where h stands in an LSTM
    i = sigmoid(W_ii x + W_hi m + b_i)      what is written
    f = sigmoid(W_if x + W_hf m + b_f)      what is kept
    g = tanh   (W_ig x + W_hg m + b_g)      the new content
    o = sigmoid(W_io x + W_ho m + b_o)      what is shown
    c' = f * c + i * g
    h' = o * tanh(c')

Krause, Lu, Murray & Renals 2016, Multiplicative LSTM for sequence modelling, arXiv:1609.07959. Gate order i f g o.
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
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "MultiplicativeLSTM", "MultiplicativeLSTMConfig", "MultiplicativeLSTMState"]


class MultiplicativeLSTMState(NamedTuple):
    """The output h (B, H) and the memory c (B, H)."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class MultiplicativeLSTMConfig(CellConfig, name="multiplicative_lstm"):
    """Multiplicative LSTM.

    Args:
        forget_bias: the forget gate's bias at the start.
    """

    forget_bias: Bias = 1.0

    def build(self, input_size: int, hidden_size: int) -> MultiplicativeLSTM:
        return MultiplicativeLSTM(input_size, hidden_size, self.forget_bias)


class MultiplicativeLSTM(HoistedCell):
    """A multiplicative LSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_mx: (H, D), weight_mh: (H, H), the two factors of m; weight_ih (4H, D) and weight_hh (4H, H) make the
            gates of x and m; bias: (4H).
    """

    recurrent_weights = ("weight_mh", "weight_hh")

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.weight_mx = nn.Parameter(xavier_gates_(torch.empty(hidden_size, input_size), 1))
        self.weight_mh = nn.Parameter(orthogonal_gates_(torch.empty(hidden_size, hidden_size), 1))
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(4 * hidden_size, input_size), 4))
        self.weight_hh = nn.Parameter(orthogonal_gates_(torch.empty(4 * hidden_size, hidden_size), 4))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        with torch.no_grad():
            self.bias.view(4, -1)[1] = forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> MultiplicativeLSTMState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return MultiplicativeLSTMState(h=zeros, c=zeros.clone())

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        return torch.cat((hoisted_linear(x, self.weight_mx), hoisted_linear(x, self.weight_ih, self.bias)), dim=-1)

    def advance(
        self, x_proj: Float[Tensor, "B P"], state: MultiplicativeLSTMState
    ) -> tuple[Float[Tensor, "B H"], MultiplicativeLSTMState]:
        x_m, *x_gates = x_proj.chunk(5, dim=-1)
        m = x_m * F.linear(state.h, self.weight_mh)
        of_m = F.linear(m, self.weight_hh).chunk(4, dim=-1)
        i, f, g, o = (x_gate + m_gate for x_gate, m_gate in zip(x_gates, of_m, strict=True))
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, MultiplicativeLSTMState(h, c)


EXAMPLES = (MultiplicativeLSTMConfig(),)
