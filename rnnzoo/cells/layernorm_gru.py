"""Gated recurrent unit with layer normalisation, the reset gate after the product.

    r, z = sigmoid(LN(W_i x; s_i) + LN(W_h h; s_h) + b)          both gates together; s is a gain for each feature
    n = tanh(LN(W_in x; s_in) + b_n + r * LN(W_hn h; s_hn))      the new content
    h' = (1 - z) * n + z * h

Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450, appendix, where z and 1 - z have changed places. As in
nn.GRU z is what stays; the gates are normalised together and the content by itself. Gate order r z n.
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
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "LayerNormGRU", "LayerNormGRUConfig", "LayerNormGRUState"]

EPS = 1e-5


class LayerNormGRUState(NamedTuple):
    """The output h (B, H), which is also the memory."""

    h: Float[Tensor, "B H"]


@dataclass(frozen=True)
class LayerNormGRUConfig(CellConfig, name="layernorm_gru"):
    """Gated recurrent unit with layer normalisation."""

    def build(self, input_size: int, hidden_size: int) -> LayerNormGRU:
        return LayerNormGRU(input_size, hidden_size)


class LayerNormGRU(AffineCell):
    """A layer-normalised GRU layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_norm_ih, weight_norm_hh: gains (3H) of the projections.
    """

    gates = 3
    pointwise_weights = ("weight_norm_hh",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_norm_ih = nn.Parameter(torch.ones(3 * hidden_size))
        self.weight_norm_hh = nn.Parameter(torch.ones(3 * hidden_size))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> LayerNormGRUState:
        return LayerNormGRUState(h=self.zeros(batch_size, self.output_size, device, dtype))

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        parts = [2 * self.output_size, self.output_size]
        whole = (hoisted_linear(x, self.weight_ih), self.weight_norm_ih, self.bias)
        pieces = (torch.split(tensor, parts, dim=-1) for tensor in whole)
        normed = (F.layer_norm(a, a.shape[-1:], gain, shift, EPS) for a, gain, shift in zip(*pieces, strict=True))
        return torch.cat(tuple(normed), dim=-1)

    def pointwise(
        self, x_proj: Tensor, h_proj: Tensor, state: LayerNormGRUState, params: Params
    ) -> tuple[Tensor, LayerNormGRUState]:
        size = state.h.size(-1)
        parts = [2 * size, size]
        gain, gain_n = torch.split(params[0], parts)
        (x_rz, x_n), (h_rz, h_n) = torch.split(x_proj, parts, dim=-1), torch.split(h_proj, parts, dim=-1)
        r, z = (x_rz + F.layer_norm(h_rz, (2 * size,), gain, None, EPS)).sigmoid().chunk(2, dim=-1)
        n = (x_n + r * F.layer_norm(h_n, (size,), gain_n, None, EPS)).tanh()
        h = torch.lerp(n, state.h, z)
        return h, LayerNormGRUState(h)

    def pointwise_backward(
        self,
        x_proj: Tensor,
        h_proj: Tensor,
        state: LayerNormGRUState,
        params: Params,
        grad_y: Tensor,
        grad_new: LayerNormGRUState,
    ) -> PointwiseGradients:
        aten, size = torch.ops.aten, state.h.size(-1)
        parts = [2 * size, size]
        gain, gain_n = torch.split(params[0], parts)
        x_rz, x_n = torch.split(x_proj, parts, dim=-1)
        h_rz, h_n = (part.contiguous() for part in torch.split(h_proj, parts, dim=-1))
        a, mean, scale = torch.native_layer_norm(h_rz, [2 * size], gain, None, EPS)
        rz = a.add_(x_rz).sigmoid_()
        r, z = rz.chunk(2, dim=-1)
        past, mean_n, scale_n = torch.native_layer_norm(h_n, [size], gain_n, None, EPS)
        n = torch.addcmul(x_n, r, past).tanh_()
        grad_h = grad_y + grad_new.h
        before = grad_h * z
        grad_n = aten.tanh_backward(grad_h - before, n)
        of_n, of_gain_n, _ = aten.native_layer_norm_backward(
            grad_n * r, h_n, [size], mean_n, scale_n, gain_n, None, [True, True, False]
        )
        grad_rz = aten.sigmoid_backward(torch.cat((grad_n * past, grad_h * (state.h - n)), dim=-1), rz)
        of_rz, of_gain, _ = aten.native_layer_norm_backward(
            grad_rz, h_rz, [2 * size], mean, scale, gain, None, [True, True, False]
        )
        return (grad_rz, grad_n), (of_rz, of_n), (before,), (torch.cat((of_gain, of_gain_n)),)


EXAMPLES = (LayerNormGRUConfig(),)
