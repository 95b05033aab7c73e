"""Recurrences in which no unit sees another, all steps at once, each with a hand-written adjoint.

No matrix multiplies the state, so a step is a handful of operations on (B, H), and autograd's bookkeeping would cost
more than the arithmetic. Each loop writes into preallocated tensors, forwards and back, and keeps only what the
adjoint needs. They take any strides; half precision is computed in float32 with or without autocast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch.autograd.function import once_differentiable

from rnnzoo.nn.scan import Method, chooses_chunks, linear_scan, widened
from rnnzoo.nn.transforms import plain_operations_only
from rnnzoo.shapes import Float, Tensor

__all__ = ["gated_scan", "gated_step", "independent_scan", "independent_step"]


def gated_step(
    gate: Float[Tensor, "B H"], x: Float[Tensor, "B H"], h: Float[Tensor, "B H"], u: Float[Tensor, "H"] | None = None
) -> Float[Tensor, "B H"]:
    """One step of `gated_scan`."""
    (gate, x, wide), dtype = widened(gate, x, h)
    f = (gate if u is None else gate + u * wide).sigmoid()
    return (x + f * (wide - x)).to(dtype)


def gated_scan(
    gate: Float[Tensor, "B T H"],
    x: Float[Tensor, "B T H"],
    h0: Float[Tensor, "B H"],
    u: Float[Tensor, "H"] | None = None,
    *,
    method: Method = "auto",
) -> Float[Tensor, "B T H"]:
    """All steps of h_t = f_t * h_{t-1} + (1 - f_t) * x_t, with f_t = sigmoid(gate_t + u * h_{t-1}).

    Args:
        gate: what the forget gate f has from the input. x: the new content.
        h0: the state before the first step.
        u: how each unit's state moves its own gate; without it the recurrence is linear in h.
        method: as in `linear_scan`; with `u` always sequential.

    Returns:
        The states after every step.
    """
    if x.size(1) == 0:
        return x
    (gate, x, h0), dtype = widened(gate, x, h0)
    if u is None and chooses_chunks(method, x):
        return linear_scan(gate.sigmoid(), (-gate).sigmoid() * x, h0, method=method).to(dtype)
    if plain_operations_only():
        return _each_step(lambda gate_t, x_t, h: gated_step(gate_t, x_t, h, u), h0, gate, x).to(dtype)
    h: Tensor = _Gated.apply(gate, x, h0, u if u is None else u.to(x.dtype))  # type: ignore[no-untyped-call]
    return h.to(dtype)


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, x: Tensor, h0: Tensor, u: Tensor | None) -> Tensor:
        h = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        last = h0
        if u is None:
            f = gate.sigmoid()
            for f_t, x_t, h_t in zip(f.unbind(1), x.unbind(1), h.unbind(1), strict=True):
                last = torch.lerp(x_t, last, f_t, out=h_t)
        else:
            f = torch.empty_like(h)
            for g_t, f_t, x_t, h_t in zip(*(s.unbind(1) for s in (gate, f, x, h)), strict=True):
                torch.addcmul(g_t, u, last, out=f_t).sigmoid_()
                last = torch.lerp(x_t, last, f_t, out=h_t)
        ctx.save_for_backward(f, x, h, h0, u)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        f, x, h, h0, u = ctx.saved_tensors
        # d: the whole derivative at h_t. slope: h_t's derivative by the gate's argument, f (1 - f) (h_{t-1} - x_t).
        d, back = torch.empty_like(h), torch.empty_like(h)
        slope = _minus_shifted(h0, h, x)
        if u is None:
            carried = torch.zeros_like(h0)
            for g_t, f_t, d_t, b_t in _backwards(gradient, f, d, back):
                torch.add(g_t, carried, out=d_t)
                carried = torch.mul(d_t, f_t, out=b_t)
            d_x = d.sub_(back)  # (1 - f) d
            return slope.mul_(f).mul_(d_x), d_x, carried.clone(), None
        slope.mul_(f).mul_(1 - f)
        carried = torch.zeros_like(h0)
        for g_t, f_t, s_t, d_t, b_t in _backwards(gradient, f, slope, d, back):
            torch.add(g_t, carried, out=d_t)
            s_t.mul_(d_t)  # from here on the gate's gradient
            carried = torch.addcmul(torch.mul(d_t, f_t, out=b_t), u, s_t)
        d_u = (slope[:, 1:] * h[:, :-1]).sum((0, 1)) + (slope[:, 0] * h0).sum(0)
        return slope, d.sub_(back), carried, d_u


def independent_step(
    x: Float[Tensor, "B H"], h: Float[Tensor, "B H"], u: Float[Tensor, "H"], nonlinearity: Literal["relu", "tanh"]
) -> Float[Tensor, "B H"]:
    """One step of `independent_scan`."""
    (x, wide), dtype = widened(x, h)
    a = x + u * wide
    return (a.relu() if nonlinearity == "relu" else a.tanh()).to(dtype)


def independent_scan(
    x: Float[Tensor, "B T H"],
    h0: Float[Tensor, "B H"],
    u: Float[Tensor, "H"],
    nonlinearity: Literal["relu", "tanh"],
) -> Float[Tensor, "B T H"]:
    """All steps of h_t = nonlinearity(x_t + u * h_{t-1}); always one after the other, since it is not linear.

    Args:
        x: what comes from the input. h0: the state before the first step.
        u: each unit's recurrent weight. nonlinearity: "relu" or "tanh".

    Returns:
        The states after every step.
    """
    if x.size(1) == 0:
        return x
    (x, h0), dtype = widened(x, h0)
    if plain_operations_only():
        return _each_step(lambda x_t, h: independent_step(x_t, h, u, nonlinearity), h0, x).to(dtype)
    h: Tensor = _Independent.apply(x, h0, u.to(x.dtype), nonlinearity)  # type: ignore[no-untyped-call]
    return h.to(dtype)


class _Independent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, h0: Tensor, u: Tensor, nonlinearity: str) -> Tensor:
        h = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        last = h0
        for x_t, h_t in zip(x.unbind(1), h.unbind(1), strict=True):
            last = torch.addcmul(x_t, u, last, out=h_t)
            last = last.relu_() if nonlinearity == "relu" else last.tanh_()
        ctx.save_for_backward(h, h0, u)
        ctx.nonlinearity = nonlinearity
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        h, h0, u = ctx.saved_tensors
        # Both nonlinearities know their slope from their value; it turns into the gradient of x, step by step.
        d_x = (h > 0).to(h.dtype) if ctx.nonlinearity == "relu" else torch.addcmul(h.new_ones(()), h, h, value=-1)
        carried = torch.zeros_like(h0)
        for g_t, d_t in _backwards(gradient, d_x):
            carried = d_t.mul_(g_t + carried) * u
        d_u = (d_x[:, 1:] * h[:, :-1]).sum((0, 1)) + (d_x[:, 0] * h0).sum(0)
        return d_x, carried, d_u, None


def _each_step(step: Callable[..., Tensor], h: Tensor, *inputs: Tensor) -> Tensor:
    """The states (B, T, H) after every `step` from `h`, one after the other."""
    states = []
    for of_step in zip(*(one.unbind(1) for one in inputs), strict=True):
        h = step(*of_step, h)
        states.append(h)
    return torch.stack(states, 1)


def _backwards(*tensors: Tensor) -> Any:
    """The steps (B, H) of tensors (B, T, H), last to first."""
    return reversed(list(zip(*(tensor.unbind(1) for tensor in tensors), strict=True)))


def _minus_shifted(h0: Tensor, h: Tensor, x: Tensor) -> Tensor:
    """h_{t-1} - x_t for all t."""
    out = torch.empty_like(h)
    torch.sub(h0, x[:, 0], out=out[:, 0])
    torch.sub(h[:, :-1], x[:, 1:], out=out[:, 1:])
    return out
