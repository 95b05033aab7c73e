"""Long short-term memory whose gates see the memory through peepholes.

    i = sigmoid(W_ii x + W_hi h + p_i * c  + b_i)      what is written
    f = sigmoid(W_if x + W_hf h + p_f * c  + b_f)      what is kept
    g = tanh   (W_ig x + W_hg h            + b_g)      the new content
    c' = f * c + i * g
    o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)      what is shown
    h' = o * tanh(c')

Gers, Schraudolph & Schmidhuber 2002, Learning precise timing with LSTM recurrent networks, JMLR 3:115-143, in the form
of Graves 2013, arXiv:1308.0850, equations 7 to 11. Gate order i f g o.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from rnnzoo.cells._affine import AffineCell, Params, PointwiseGradients
from rnnzoo.cells.base import CellConfig
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "PeepholeLSTM", "PeepholeLSTMConfig", "PeepholeLSTMState"]


class PeepholeLSTMState(NamedTuple):
    """The output h (B, H) and the memory c (B, H)."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class PeepholeLSTMConfig(CellConfig, name="peephole_lstm"):
    """Long short-term memory with peepholes.

    Args:
        forget_bias: the forget gate's bias at the start.
    """

    forget_bias: Bias = 1.0

    def build(self, input_size: int, hidden_size: int) -> PeepholeLSTM:
        return PeepholeLSTM(input_size, hidden_size, self.forget_bias)


class PeepholeLSTM(AffineCell):
    """A peephole LSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ci, weight_cf, weight_co: the peepholes (H) of the gates i, f and o; they begin at zero.
    """

    gates = 4
    pointwise_weights = ("weight_ci", "weight_cf", "weight_co")

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        for name in self.pointwise_weights:
            self.register_parameter(name, nn.Parameter(torch.zeros(hidden_size)))
        with torch.no_grad():
            self.bias.view(4, -1)[1] = forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> PeepholeLSTMState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return PeepholeLSTMState(h=zeros, c=zeros.clone())

    def pointwise(
        self, x_proj: Tensor, h_proj: Tensor, state: PeepholeLSTMState, params: Params
    ) -> tuple[Tensor, PeepholeLSTMState]:
        weight_ci, weight_cf, weight_co = params
        i, f, g, o = (x_proj + h_proj).chunk(4, dim=-1)
        i = (i + weight_ci * state.c).sigmoid()
        f = (f + weight_cf * state.c).sigmoid()
        c = f * state.c + i * g.tanh()
        h = (o + weight_co * c).sigmoid() * c.tanh()
        return h, PeepholeLSTMState(h, c)

    def pointwise_backward(
        self,
        x_proj: Tensor,
        h_proj: Tensor,
        state: PeepholeLSTMState,
        params: Params,
        grad_y: Tensor,
        grad_new: PeepholeLSTMState,
    ) -> PointwiseGradients:
        weight_ci, weight_cf, weight_co = params
        i, f, g, o = (x_proj + h_proj).chunk(4, dim=-1)
        i = torch.addcmul(i, weight_ci, state.c).sigmoid_()
        f = torch.addcmul(f, weight_cf, state.c).sigmoid_()
        g = g.tanh()
        c = torch.addcmul(f * state.c, i, g)
        o = torch.addcmul(o, weight_co, c).sigmoid_()
        shown = c.tanh()
        grad_h = grad_y + grad_new.h
        grad_o = torch.ops.aten.sigmoid_backward(grad_h * shown, o)
        grad_c = torch.ops.aten.tanh_backward(grad_h * o, shown).add_(grad_new.c).addcmul_(weight_co, grad_o)
        grad_i = torch.ops.aten.sigmoid_backward(grad_c * g, i)
        grad_f = torch.ops.aten.sigmoid_backward(grad_c * state.c, f)
        grad_g = torch.ops.aten.tanh_backward(grad_c * i, g)
        before = (grad_c * f).addcmul_(weight_ci, grad_i).addcmul_(weight_cf, grad_f)
        gates = (grad_i, grad_f, grad_g, grad_o)
        peepholes = ((grad_i * state.c).sum(0), (grad_f * state.c).sum(0), (grad_o * c).sum(0))
        return gates, gates, (torch.zeros_like(grad_h), before), peepholes


EXAMPLES = (PeepholeLSTMConfig(),)
