"""Independently recurrent network: each unit sees its own past, and no other unit's.

    h' = relu(W x + u * h + b)          or tanh

Li, Li, Cook, Zhu & Gao 2018, arXiv:1803.04831, equation 2. Over T steps a gradient is multiplied by u^T, so it neither
explodes nor vanishes as long as u stays near what the last step's gradient needs (section 3.2 there).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._scan import ScanCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.elementwise import independent_scan, independent_step
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.ranges import Range
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "IndRNN", "IndRNNConfig", "IndRNNState"]


class IndRNNState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class IndRNNConfig(CellConfig, name="indrnn"):
    """Independently recurrent network (Li et al. 2018).

    Args:
        nonlinearity: the paper's is the rectifier.
        recurrent_min: recurrent weights begin uniform between this and `recurrent_max`. The paper takes 0 to 1 for
            layers that hand on every step, and nearly 1 for a last layer whose last step alone is used.
        recurrent_max: see `recurrent_min`.
    """

    nonlinearity: Literal["relu", "tanh"] = "relu"
    recurrent_min: Annotated[float, Range("-1000 <= x <= 1000")] = 0.0
    recurrent_max: Annotated[float, Range("-1000 <= x <= 1000")] = 1.0

    def __post_init__(self) -> None:
        if self.recurrent_min > self.recurrent_max:
            raise ValueError(f"recurrent_min {self.recurrent_min} is more than recurrent_max {self.recurrent_max}")

    def build(self, input_size: int, hidden_size: int) -> IndRNN:
        return IndRNN(input_size, hidden_size, self)


class IndRNN(ScanCell):
    """An IndRNN layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (H, D), bias_ih: (H), and weight_hh: (H), each unit's own.
    """

    recurrent_weights = ("weight_hh",)

    def __init__(self, input_size: int, hidden_size: int, config: IndRNNConfig) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.nonlinearity = config.nonlinearity
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(hidden_size, input_size), 1))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size).uniform_(config.recurrent_min, config.recurrent_max))
        self.bias_ih = nn.Parameter(torch.zeros(hidden_size))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> IndRNNState:
        return IndRNNState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def step(self, x: Float[Tensor, "B D"], state: IndRNNState) -> tuple[Float[Tensor, "B H"], IndRNNState]:
        a = F.linear(x, self.weight_ih, self.bias_ih)
        h = independent_step(a, state.h, self.weight_hh, self.nonlinearity)
        return h, IndRNNState(h)

    def all_steps(self, x: Float[Tensor, "B T D"], state: IndRNNState) -> tuple[Float[Tensor, "B T H"], IndRNNState]:
        a = F.linear(x, self.weight_ih, self.bias_ih)
        h = independent_scan(a, state.h, self.weight_hh, self.nonlinearity)
        return h, IndRNNState(h)


EXAMPLES = (IndRNNConfig(), IndRNNConfig("tanh", recurrent_min=-1.0))
