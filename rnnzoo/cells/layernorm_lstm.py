"""Long short-term memory with layer normalisation.

    a = LN(W_i x; s_i) + LN(W_h h; s_h) + b           all four gates together; s is a gain for each feature
    i, f, g, o = a
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(LN(c'; s_c, b_c))

Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450, equations 20 to 22; the shifts of the first two
normalisations are one with b. Gate order i f g o. The memory that is carried is c', not its normalised form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._affine import AffineCell, Params, PointwiseGradients
from rnnzoo.cells._products import hoisted_linear
from rnnzoo.cells.base import CellConfig
from rnnzoo.ranges import Bias
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "LayerNormLSTM", "LayerNormLSTMConfig", "LayerNormLSTMState"]

EPS = 1e-5


class LayerNormLSTMState(NamedTuple):
    """The output h (B, H) and the memory c (B, H)."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]


@dataclass(frozen=True)
class LayerNormLSTMConfig(CellConfig, name="layernorm_lstm"):
    """Long short-term memory with layer normalisation.

    Args:
        forget_bias: the forget gate's bias at the start.
    """

    forget_bias: Bias = 1.0

    def build(self, input_size: int, hidden_size: int) -> LayerNormLSTM:
        return LayerNormLSTM(input_size, hidden_size, self.forget_bias)


class LayerNormLSTM(AffineCell):
    """A layer-normalised LSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_norm_ih, weight_norm_hh: gains (4H) of the projections. weight_norm_c, bias_norm_c: gain and shift (H)
            of the memory that is shown.
    """

    gates = 4
    pointwise_weights = ("weight_norm_hh", "weight_norm_c", "bias_norm_c")

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_norm_ih = nn.Parameter(torch.ones(4 * hidden_size))
        self.weight_norm_hh = nn.Parameter(torch.ones(4 * hidden_size))
        self.weight_norm_c = nn.Parameter(torch.ones(hidden_size))
        self.bias_norm_c = nn.Parameter(torch.zeros(hidden_size))
        with torch.no_grad():
            self.bias.view(4, -1)[1] = forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> LayerNormLSTMState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return LayerNormLSTMState(h=zeros, c=zeros.clone())

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        x_proj = hoisted_linear(x, self.weight_ih)
        return F.layer_norm(x_proj, x_proj.shape[-1:], self.weight_norm_ih, self.bias, EPS)

    def pointwise(
        self, x_proj: Tensor, h_proj: Tensor, state: LayerNormLSTMState, params: Params
    ) -> tuple[Tensor, LayerNormLSTMState]:
        weight_norm_hh, weight_norm_c, bias_norm_c = params
        a = x_proj + F.layer_norm(h_proj, h_proj.shape[-1:], weight_norm_hh, None, EPS)
        i, f, g, o = a.chunk(4, dim=-1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * F.layer_norm(c, c.shape[-1:], weight_norm_c, bias_norm_c, EPS).tanh()
        return h, LayerNormLSTMState(h, c)

    def pointwise_backward(
        self,
        x_proj: Tensor,
        h_proj: Tensor,
        state: LayerNormLSTMState,
        params: Params,
        grad_y: Tensor,
        grad_new: LayerNormLSTMState,
    ) -> PointwiseGradients:
        weight_norm_hh, weight_norm_c, bias_norm_c = params
        aten, wide, narrow = torch.ops.aten, list(h_proj.shape[-1:]), list(state.c.shape[-1:])
        a, mean, scale = torch.native_layer_norm(h_proj, wide, weight_norm_hh, None, EPS)
        i, f, g, o = a.add_(x_proj).chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = torch.addcmul(f * state.c, i, g)
        shown, mean_c, scale_c = torch.native_layer_norm(c, narrow, weight_norm_c, bias_norm_c, EPS)
        shown.tanh_()
        grad_h = grad_y + grad_new.h
        grad_c, *of_c = aten.native_layer_norm_backward(
            aten.tanh_backward(grad_h * o, shown), c, narrow, mean_c, scale_c, weight_norm_c, bias_norm_c, [True] * 3
        )
        grad_c += grad_new.c
        gates = (
            aten.sigmoid_backward(grad_c * g, i),
            aten.sigmoid_backward(grad_c * state.c, f),
            aten.tanh_backward(grad_c * i, g),
            aten.sigmoid_backward(grad_h * shown, o),
        )
        grad_x = torch.cat(gates, dim=-1)
        of_h, of_gain, _ = aten.native_layer_norm_backward(
            grad_x, h_proj, wide, mean, scale, weight_norm_hh, None, [True, True, False]
        )
        return grad_x, of_h, (torch.zeros_like(grad_h), grad_c * f), (of_gain, *of_c)


EXAMPLES = (LayerNormLSTMConfig(),)
