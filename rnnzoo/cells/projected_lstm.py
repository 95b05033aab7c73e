"""Long short-term memory whose output is a projection of what it shows: a large memory with a small recurrent weight.

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      what is written
    f = sigmoid(W_if x + b_if + W_hf h + b_hf)      what is kept
    g = tanh   (W_ig x + b_ig + W_hg h + b_hg)      the new content
    o = sigmoid(W_io x + b_io + W_ho h + b_ho)      what is shown
    c' = f * c + i * g
    h' = W_hr (o * tanh(c'))

Sak, Senior & Beaufays 2014, Long short-term memory based recurrent neural network architectures for large vocabulary
speech recognition, arXiv:1402.1128, without its peepholes. Weights and gate order are those of nn.LSTM with proj_size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._hoisted import HoistedCell
from rnnzoo.cells._kernel import KernelCell
from rnnzoo.cells._products import hoisted_linear
from rnnzoo.cells.base import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.ranges import Bias, Size
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["EXAMPLES", "ProjectedLSTM", "ProjectedLSTMConfig", "ProjectedLSTMState"]


class ProjectedLSTMState(NamedTuple):
    """The output h (B, P) and the memory c (B, H)."""

    h: Float[Tensor, "B P"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class ProjectedLSTMConfig(CellConfig, name="projected_lstm"):
    """Long short-term memory with a projected output.

    Args:
        proj_size: P, features of the output, fewer than the hidden size; half of it when left out.
        forget_bias: the forget gate's bias at the start, both bias vectors together.
    """

    proj_size: Size | None = None
    forget_bias: Bias = 1.0

    def __post_init__(self) -> None:
        if self.proj_size is not None and self.proj_size < 1:
            raise ValueError("proj_size must be at least 1")

    def build(self, input_size: int, hidden_size: int) -> ProjectedLSTM:
        size = self.proj_size or max(1, hidden_size // 2)
        if self.proj_size and size >= hidden_size:
            raise UserError(f"projected_lstm: proj_size {size} is not less than the hidden size {hidden_size}")
        return ProjectedLSTM(input_size, hidden_size, size, self.forget_bias)


class ProjectedLSTM(KernelCell):
    """A projected LSTM layer: (B, T, input_size) -> (B, T, proj_size). cuDNN knows it, oneDNN does not.

    Attributes:
        weight_hh: (4H, P), weight_hr: (P, H).
    """

    gates = 4
    weight_names = (*KernelCell.weight_names, "weight_hr")

    def __init__(self, input_size: int, hidden_size: int, proj_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size, proj_size)
        self.hidden_size = hidden_size
        self.weight_hr = nn.Parameter(xavier_gates_(torch.empty(proj_size, hidden_size), 1))
        with torch.no_grad():
            self.bias_ih.view(4, -1)[1] = forget_bias  # in one of the two vectors, since they are added

    @property
    def kernel(self) -> Any:
        return torch.lstm

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> ProjectedLSTMState:
        sizes = (self.output_size, self.hidden_size)
        return ProjectedLSTMState(*(self.zeros(batch_size, size, device, dtype) for size in sizes))

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B G"]:
        return hoisted_linear(x, self.weight_ih, self.bias_ih + self.bias_hh)

    def advance(
        self, x_proj: Float[Tensor, "B G"], state: ProjectedLSTMState
    ) -> tuple[Float[Tensor, "B P"], ProjectedLSTMState]:
        i, f, g, o = (x_proj + F.linear(state.h, self.weight_hh)).chunk(4, dim=-1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = F.linear(o.sigmoid() * c.tanh(), self.weight_hr)
        return h, ProjectedLSTMState(h, c)

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T P"], State]:
        faster = KernelCell if x.is_cuda and self.output_size < self.hidden_size else HoistedCell
        return faster.forward(self, x, state, lengths)


EXAMPLES = (ProjectedLSTMConfig(), ProjectedLSTMConfig(proj_size=4, forget_bias=0.0))
