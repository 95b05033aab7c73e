"""Long short-term memory with coupled input and forget gates: what is written is what is not kept.

    f = sigmoid(W_if x + W_hf h + b_f)      what is kept
    g = tanh   (W_ig x + W_hg h + b_g)      the new content
    o = sigmoid(W_io x + W_ho h + b_o)      what is shown
    c' = f * c + (1 - f) * g
    h' = o * tanh(c')

Greff et al. 2015, LSTM: a search space odyssey, arXiv:1503.04069 (CIFG; here without peepholes). Gate order f g o.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from rnnzoo.cells._affine import AffineCell, Params, PointwiseGradients
from rnnzoo.cells.base import CellConfig
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["CIFG", "EXAMPLES", "CIFGConfig", "CIFGState"]


class CIFGState(NamedTuple):
    """The output h (B, H) and the memory c (B, H)."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class CIFGConfig(CellConfig, name="cifg"):
    """Long short-term memory with coupled input and forget gates.

    Args:
        forget_bias: the forget gate's bias at the start.
    """

    forget_bias: Bias = 1.0

    def build(self, input_size: int, hidden_size: int) -> CIFG:
        return CIFG(input_size, hidden_size, self.forget_bias)


class CIFG(AffineCell):
    """A CIFG layer: (B, T, input_size) -> (B, T, hidden_size)."""

    gates = 3

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        with torch.no_grad():
            self.bias.view(3, -1)[0] = forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> CIFGState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return CIFGState(h=zeros, c=zeros.clone())

    def pointwise(self, x_proj: Tensor, h_proj: Tensor, state: CIFGState, params: Params) -> tuple[Tensor, CIFGState]:
        f, g, o = (x_proj + h_proj).chunk(3, dim=-1)
        c = torch.lerp(g.tanh(), state.c, f.sigmoid())
        h = o.sigmoid() * c.tanh()
        return h, CIFGState(h, c)

    def pointwise_backward(
        self, x_proj: Tensor, h_proj: Tensor, state: CIFGState, params: Params, grad_y: Tensor, grad_new: CIFGState
    ) -> PointwiseGradients:
        f, g, o = (x_proj + h_proj).chunk(3, dim=-1)
        f, g, o = f.sigmoid(), g.tanh(), o.sigmoid()
        shown = torch.lerp(g, state.c, f).tanh_()
        grad_h = grad_y + grad_new.h
        grad_c = torch.ops.aten.tanh_backward(grad_h * o, shown).add_(grad_new.c)
        before = grad_c * f
        gates = (
            torch.ops.aten.sigmoid_backward(grad_c * (state.c - g), f),
            torch.ops.aten.tanh_backward(grad_c - before, g),
            torch.ops.aten.sigmoid_backward(grad_h * shown, o),
        )
        return gates, gates, (torch.zeros_like(grad_h), before), ()


EXAMPLES = (CIFGConfig(),)
