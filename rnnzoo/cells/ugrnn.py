"""Update gate recurrent network: a plain recurrent network and one gate that says how much of it is new.

    z = sigmoid(W_iz x + W_hz h + b_z)      how much of the past stays
    n = tanh   (W_in x + W_hn h + b_n)      the new content
    h' = z * h + (1 - z) * n

Collins, Sohl-Dickstein & Sussillo 2017, Capacity and trainability in recurrent neural networks, arXiv:1611.09913.
Gate order z n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from rnnzoo.cells._affine import AffineCell, Params, PointwiseGradients
from rnnzoo.cells.base import CellConfig
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "UGRNN", "UGRNNConfig", "UGRNNState"]


class UGRNNState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class UGRNNConfig(CellConfig, name="ugrnn"):
    """Update gate recurrent network.

    Args:
        update_bias: the gate's bias at the start; above 0 a new network remembers.
    """

    update_bias: Bias = 1.0

    def build(self, input_size: int, hidden_size: int) -> UGRNN:
        return UGRNN(input_size, hidden_size, self.update_bias)


class UGRNN(AffineCell):
    """A UGRNN layer: (B, T, input_size) -> (B, T, hidden_size)."""

    gates = 2

    def __init__(self, input_size: int, hidden_size: int, update_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        with torch.no_grad():
            self.bias.view(2, -1)[0] = update_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> UGRNNState:
        return UGRNNState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def pointwise(self, x_proj: Tensor, h_proj: Tensor, state: UGRNNState, params: Params) -> tuple[Tensor, UGRNNState]:
        z, n = (x_proj + h_proj).chunk(2, dim=-1)
        h = torch.lerp(n.tanh(), state.h, z.sigmoid())
        return h, UGRNNState(h)

    def pointwise_backward(
        self, x_proj: Tensor, h_proj: Tensor, state: UGRNNState, params: Params, grad_y: Tensor, grad_new: UGRNNState
    ) -> PointwiseGradients:
        z, n = (x_proj + h_proj).chunk(2, dim=-1)
        z, n = z.sigmoid(), n.tanh()
        grad_h = grad_y + grad_new.h
        before = grad_h * z
        gates = (
            torch.ops.aten.sigmoid_backward(grad_h * (state.h - n), z),
            torch.ops.aten.tanh_backward(grad_h - before, n),
        )
        return gates, gates, (before,), ()


EXAMPLES = (UGRNNConfig(),)
