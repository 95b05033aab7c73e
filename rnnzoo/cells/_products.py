"""The matrix products of fused cells, in oneDNN's packed form where PyTorch offers it.

On a CPU, in float32, oneDNN multiplies by a matrix that was put into its own order a sixth faster than a plain product
does (`benchmarks/cells.py` prints both), since that puts the matrix in order anew every time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from rnnzoo.nn.transforms import plain_operations_only
from rnnzoo.shapes import Float, Tensor

__all__ = ["WORTH_PACKING", "hoisted_linear", "multiplier", "multiply", "packed", "weight_gradient"]

WORTH_PACKING = 16
"""Products from which on preparing a matrix costs less than it saves."""


def multiply(h: Float[Tensor, "B I"], weight: Float[Tensor, "*heads o i"]) -> Float[Tensor, "B O"]:
    """U h for each row, with U (O, I), or with a block (O / heads, I / heads) for each head of h."""
    if weight.dim() == 2:
        return F.linear(h, weight)
    by_head = h.reshape(h.size(0), weight.size(0), -1).transpose(0, 1)
    return torch.bmm(by_head, weight.mT).transpose(0, 1).flatten(1)


def weight_gradient(grad: Float[Tensor, "N O"], h: Float[Tensor, "N I"], like: Tensor) -> Tensor:
    """The gradient of `multiply`'s weight, all N rows of all steps in one product."""
    if like.dim() == 2:
        return grad.t() @ h
    heads = like.size(0)
    by_head = grad.reshape(len(grad), heads, -1).permute(1, 2, 0)
    return torch.bmm(by_head, h.reshape(len(h), heads, -1).transpose(0, 1))


def multiplier(weight: Tensor, rows: int, times: int) -> Callable[[Tensor], Tensor]:
    """`multiply` by `weight`, which stays as it is for `times` products of `rows` rows."""
    ready = packed(weight, rows) if times >= WORTH_PACKING else None
    return ready or (lambda h: multiply(h, weight))


def packed(weight: Tensor, rows: int) -> Callable[[Tensor], Tensor] | None:
    """`multiply` by a copy of `weight` in oneDNN's own order, or None where PyTorch does not offer that.

    The operators are those that `torch.compile` uses for frozen weights; they are not public.
    """
    if weight.dim() != 2 or weight.device.type != "cpu" or weight.dtype != torch.float32:
        return None
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not available or not torch.backends.mkldnn.enabled:
        return None
    try:
        ordered = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
        run = torch.ops.mkldnn._linear_pointwise

        def product(h: Tensor, bias: Tensor | None = None) -> Tensor:
            return run(h.contiguous(), ordered, bias, "none", [], "")  # type: ignore[no-any-return]

        product(weight.new_zeros(1, weight.size(1)))  # whether it runs here
    except (AttributeError, RuntimeError, TypeError):  # another version of PyTorch has them otherwise
        return None
    return product


def hoisted_linear(
    x: Float[Tensor, "*B I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"] | None = None
) -> Float[Tensor, "*B O"]:
    """`F.linear` for many rows, in oneDNN's packed form where there is one."""
    if torch.compiler.is_compiling() or plain_operations_only():  # into a graph for any machine and any number of rows
        return F.linear(x, weight, bias)
    rows = x.numel() // x.size(-1)
    plain = rows < WORTH_PACKING * WORTH_PACKING or x.dtype != torch.float32 or torch.is_autocast_enabled(x.device.type)
    product = None if plain else packed(weight.detach(), rows)
    if product is None:
        return F.linear(x, weight, bias)
    return _PackedLinear.apply(x, weight, bias, product)  # type: ignore[no-untyped-call, no-any-return]


class _PackedLinear(torch.autograd.Function):
    """W x + b. Its gradient is made of plain products where a second derivative may be asked for."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, product: Callable[..., Tensor]) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            back = None if torch.is_grad_enabled() else packed(weight.t(), grad.numel() // grad.size(-1))
            grad_x = grad @ weight if back is None else back(grad)
        if ctx.needs_input_grad[1]:
            grad_weight = grad.flatten(0, -2).t() @ x.flatten(0, -2)
        if ctx.needs_input_grad[2]:
            grad_bias = grad.flatten(0, -2).sum(0)
        return grad_x, grad_weight, grad_bias, None
