"""The simple recurrent network.

    h' = tanh(W_ih x + b_ih + W_hh h + b_hh)        or relu

Elman 1990, doi:10.1207/s15516709cog1402_1. Started from an orthogonal recurrent matrix, in the spirit of Le, Jaitly &
Hinton 2015, arXiv:1504.00941. Weights are those of nn.RNN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F

from rnnzoo.cells._kernel import KernelCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "RNN", "RNNConfig", "RNNState"]


class RNNState(NamedTuple):
    """The output h (B, H), which is all the memory there is."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class RNNConfig(CellConfig, name="rnn"):
    """Simple recurrent network.

    Args:
        nonlinearity: ``"tanh"`` or ``"relu"``.
    """

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    def build(self, input_size: int, hidden_size: int) -> RNN:
        return RNN(input_size, hidden_size, self.nonlinearity)


class RNN(KernelCell):
    """An Elman layer: (B, T, input_size) -> (B, T, hidden_size)."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int, nonlinearity: Literal["tanh", "relu"] = "tanh") -> None:
        super().__init__(input_size, hidden_size)
        self.nonlinearity = nonlinearity

    @property
    def kernel(self) -> Any:
        return torch.rnn_tanh if self.nonlinearity == "tanh" else torch.rnn_relu

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> RNNState:
        return RNNState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def advance(self, x_proj: Float[Tensor, "B P"], state: RNNState) -> tuple[Float[Tensor, "B H"], RNNState]:
        total = x_proj + F.linear(state.h, self.weight_hh, self.bias_hh)
        h = total.tanh() if self.nonlinearity == "tanh" else total.relu()
        return h, RNNState(h)


EXAMPLES = (RNNConfig(), RNNConfig(nonlinearity="relu"))
