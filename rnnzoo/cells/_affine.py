"""Cells with one recurrent product U h and nothing but pointwise functions around it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import nn
from torch.amp import custom_bwd, custom_fwd
from torch.autograd.function import once_differentiable

from rnnzoo.cells._hoisted import HoistedCell, valid_steps
from rnnzoo.cells._products import hoisted_linear, multiplier, multiply, weight_gradient
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.nn.transforms import plain_operations_only
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["AffineCell", "Params", "PointwiseGradients"]

Params = tuple[Tensor, ...]
Blocks = Tensor | tuple[Tensor, ...]
PointwiseGradients = tuple[Blocks, Blocks, tuple[Tensor, ...], tuple[Tensor, ...]]
"""Of x_proj and of h_proj (whole, or the blocks they consist of), of each tensor of the state, of each param."""


class AffineCell(HoistedCell):
    """Base of gated cells: the author writes `pointwise`, once, and `step` and a fused `forward` follow.

    `forward` multiplies all inputs at once, unrolls into buffers, and has an adjoint of its own: `pointwise` is
    differentiated step by step, and each weight's gradient is one product over all steps. Inside it everything is
    float32 (or float64) under any autocast. It can be differentiated once.

    The state is a NamedTuple of floating-point tensors (B, ...), with a field h that U multiplies.

    Attributes:
        gates: blocks of H rows in each weight.
        pointwise_weights: names of the parameters that `pointwise` gets.
        weight_ih: (gates * H, D), bias: (gates * H), weight_hh: (gates * H, H), or one block for each head,
            (heads, gates * H / heads, H / heads).
    """

    gates: ClassVar[int]
    pointwise_weights: ClassVar[tuple[str, ...]] = ()

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        rows = self.gates * hidden_size
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(rows, input_size), self.gates))
        self.weight_hh = nn.Parameter(orthogonal_gates_(torch.empty(rows, hidden_size), self.gates))
        self.bias = nn.Parameter(torch.zeros(rows))

    @abstractmethod
    def pointwise(self, x_proj: Tensor, h_proj: Tensor, state: Any, params: Params) -> tuple[Tensor, Any]:
        """The output and the new state of one step; no row may know of another.

        Args:
            x_proj: the projected input (B, P). h_proj: U h (B, P). state: the state before, with that h in it.
            params: the parameters called `pointwise_weights`.
        """

    def pointwise_backward(
        self, x_proj: Tensor, h_proj: Tensor, state: Any, params: Params, grad_y: Tensor, grad_new: Any
    ) -> PointwiseGradients:
        """The adjoint of `pointwise`, by autograd; a cell may have it in closed form, which is faster.

        Args:
            x_proj, h_proj, state, params: as they were.
            grad_y: gradient of the output. grad_new: gradients of the new state, in a state's form.

        Returns:
            Gradients of x_proj and h_proj (one object twice where they are added), of the state, of the params.
        """
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in (x_proj, h_proj, *state, *params)]
            end = 2 + len(state)
            y, new = self.pointwise(leaves[0], leaves[1], type(state)(*leaves[2:end]), tuple(leaves[end:]))
            of = torch.autograd.grad((y, *new), leaves, (grad_y, *grad_new), allow_unused=True, materialize_grads=True)
        return of[0], of[1], of[2:end], of[end:]

    @property
    def params(self) -> Params:
        """The parameters called `pointwise_weights`."""
        return tuple(getattr(self, name) for name in self.pointwise_weights)

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        return hoisted_linear(x, self.weight_ih, self.bias)

    def advance(self, x_proj: Float[Tensor, "B P"], state: Any) -> tuple[Float[Tensor, "B H"], Any]:
        return self.pointwise(x_proj, multiply(state.h, self.weight_hh), state, self.params)

    def forward(
        self, x: Float[Tensor, "B T D"], state: Any = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], Any]:
        if plain_operations_only():
            return super().forward(x, state, lengths)
        state = self.begin(x, state)
        if x.size(1) == 0:
            return x.new_zeros(x.size(0), 0, self.output_size), state
        valid = None
        if lengths is not None:
            valid = valid_steps(x, lengths)[:, :, None]
            x = torch.where(valid, x, 0)
            valid = valid.transpose(0, 1)
        x_proj = self.project(x.transpose(0, 1))  # time first, so that what a step reads and writes is contiguous
        options = (self, type(state), torch.is_grad_enabled(), valid)
        y, *final = _Unrolled.apply(*options, x_proj, self.weight_hh, *state, *self.params)  # type: ignore[no-untyped-call]
        return y.transpose(0, 1), type(state)(*final)


class _Unrolled(torch.autograd.Function):
    """The loop over time, all tensors (T, B, ...), and its adjoint."""

    @staticmethod
    @custom_fwd(device_type="cuda", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    @custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(
        ctx: Any,
        cell: AffineCell,
        form: Any,
        keep: bool,
        valid: Tensor | None,
        x_proj: Tensor,
        weight: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        steps, rows, _ = x_proj.shape
        fields = len(form._fields)
        start, params = form(*tensors[:fields]), tensors[fields:]
        after = form(*(leaf.new_empty(steps, *leaf.shape) for leaf in start))
        product, state = multiplier(weight, rows, steps), start
        h_projs, ys = list[Tensor](), None
        for t in range(steps):
            h_proj = product(state.h)
            if keep:
                h_projs.append(h_proj)
            y, new = cell.pointwise(x_proj[t], h_proj, state, params)
            if valid is not None:
                y = torch.where(valid[t], y, 0)
                new = form(*map(torch.where, [valid[t]] * fields, new, state))
            for buffer, leaf in zip(after, new, strict=True):
                buffer[t] = leaf
            if y is not new.h:
                ys = y.new_empty(steps, *y.shape) if ys is None else ys
                ys[t] = y
            state = form(*(buffer[t] for buffer in after))
        ctx.cell, ctx.form = cell, form
        if keep:
            ctx.save_for_backward(x_proj, weight, valid, *h_projs, *start, *params, *after)
        # The final state has memory of its own, so that carrying it does not keep all steps.
        return (after.h if ys is None else ys, *(leaf.clone() for leaf in state))

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor, *grad_final: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # once_differentiable says so only where the gradient that comes in has a history
            raise RuntimeError(
                f"{type(ctx.cell).__name__} can be differentiated once; for second derivatives (create_graph=True) "
                "unroll its step: rnnzoo.cells.unroll(cell, x, state, lengths)"
            )
        return _Unrolled.adjoint(ctx, grad_y, *grad_final)  # type: ignore[no-any-return]

    @staticmethod
    @once_differentiable
    @custom_bwd(device_type="cuda")  # type: ignore[untyped-decorator]
    @custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def adjoint(ctx: Any, grad_y: Tensor, *grad_final: Tensor) -> tuple[Tensor | None, ...]:
        """The loop backwards; what each step adds to a weight's gradient is multiplied at the end, for all steps."""
        x_proj, weight, valid, *tensors = ctx.saved_tensors
        cell, form, fields = ctx.cell, ctx.form, len(ctx.form._fields)
        h_projs, tensors = tensors[: len(x_proj)], tensors[len(x_proj) :]
        start, params, after = form(*tensors[:fields]), tuple(tensors[fields:-fields]), form(*tensors[-fields:])
        steps, rows, _ = x_proj.shape
        product, grad = multiplier(weight.mT, rows, steps), form(*grad_final)
        grad_x, grad_h, grad_params = torch.empty_like(x_proj), None, [torch.zeros_like(param) for param in params]
        for t in reversed(range(steps)):
            before = form(*(buffer[t - 1] for buffer in after)) if t > 0 else start
            here, new = grad_y[t], grad
            if valid is not None:
                here = torch.where(valid[t], here, 0)
                new = form(*(torch.where(valid[t], leaf, 0) for leaf in grad))
            of_x, of_h, of_state, of_params = cell.pointwise_backward(x_proj[t], h_projs[t], before, params, here, new)
            if grad_h is None:  # one buffer for both where the projections are added
                grad_h = grad_x if of_h is of_x else h_projs[0].new_empty(steps, *h_projs[0].shape)
            _fill(grad_x[t], of_x)
            if grad_h is not grad_x:
                _fill(grad_h[t], of_h)
            back = form(*of_state)
            back = back._replace(h=back.h + product(grad_h[t]))
            grad = back if valid is None else form(*map(torch.where, [valid[t]] * fields, back, grad))
            for total, part in zip(grad_params, of_params, strict=True):
                total += part
        assert grad_h is not None
        grad_weight = weight_gradient(grad_h[0], start.h, weight)
        if steps > 1:
            grad_weight += weight_gradient(grad_h[1:].flatten(0, 1), after.h[:-1].flatten(0, 1), weight)
        return (None, None, None, None, grad_x, grad_weight, *grad, *grad_params)


def _fill(buffer: Tensor, value: Blocks) -> None:
    if isinstance(value, tuple):
        torch.cat(value, dim=-1, out=buffer)
    else:
        buffer.copy_(value)
