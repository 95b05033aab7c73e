"""Linear recurrences, all steps at once: h_t = a_t * h_{t-1} + b_t, entry by entry, real or complex.

Two ways lead to the same numbers:

- *sequential*: one fused multiply-add a step into a preallocated result. It reads and writes every number once, so
  on a CPU nothing beats it: parallel forms do more arithmetic, and there is nobody to share it with.
- *chunked*: time is cut into about sqrt(T) chunks of about sqrt(T) steps. All chunks advance side by side, each from
  zero; then the state is handed from chunk to chunk, each adding what is left of its beginning. That is about
  3 sqrt(T) operations in sequence instead of T (Blelloch 1990, "Prefix sums and their applications", with two levels),
  for GPUs, where starting an operation costs more than its arithmetic. Products of `a` are formed, never quotients,
  so that it is as stable as the recurrence itself where no `a` is larger than 1.

The gradient is a recurrence of the same kind that runs backwards, and takes the same way.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnzoo.nn.transforms import plain_operations_only

__all__ = ["Method", "chooses_chunks", "linear_scan", "widened"]

Method: TypeAlias = Literal["auto", "sequential", "chunked"]

CHUNKED_FROM = 64
"""Steps from which a GPU works in chunks: about 3 sqrt(64) = 24 operations in sequence instead of 64.
A count, not a measurement: no GPU was at hand."""


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, *, method: Method = "auto") -> Tensor:
    """All steps of h_t = a_t * h_{t-1} + b_t, with gradients to `a`, `b` and `h0`.

    Half precision is computed in float32, with or without autocast; the result has the widest dtype of the three.

    Args:
        a: factors (B, T, ...), real or complex; an expanded tensor will do for factors that do not change.
        b: what is added (B, T, ...).
        h0: the state before the first step (B, ...).
        method: "auto" takes "chunked" on anything but a CPU from `CHUNKED_FROM` steps on, else "sequential".

    Returns:
        The states after every step (B, T, ...); the last one is the final state.
    """
    if b.size(1) == 0:
        return b
    (a, b, h0), dtype = widened(a, b, h0)
    if plain_operations_only():
        states = []
        for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
            h0 = torch.addcmul(b_t, a_t, h0)
            states.append(h0)
        return torch.stack(states, 1).to(dtype)
    h: Tensor = _LinearScan.apply(a, b, h0, chooses_chunks(method, b))  # type: ignore[no-untyped-call]
    return h.to(dtype)


def chooses_chunks(method: Method, like: Tensor) -> bool:
    """Whether `method` means chunks for tensors such as `like` (B, T, ...)."""
    if method == "auto":
        return like.device.type != "cpu" and like.size(1) >= CHUNKED_FROM
    return method == "chunked"


def widened(*tensors: Tensor) -> tuple[list[Tensor], torch.dtype]:
    """The tensors in their widest dtype, at least float32; and that widest dtype itself, for the result."""
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return [tensor.to(torch.promote_types(dtype, torch.float32)) for tensor in tensors], dtype


class _LinearScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h0: Tensor, chunks: bool) -> Tensor:
        h = _new(b)
        _run(a, b, h0, h, chunks)
        ctx.save_for_backward(a, h, h0)
        ctx.chunks = chunks
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, h, h0 = ctx.saved_tensors
        # With d_t the whole derivative at h_t: d_t = gradient_t + conj(a_{t+1}) d_{t+1}. Its conjugate is run instead,
        # since conjugating the one gradient is cheaper than conjugating all factors.
        d = _new(h)
        seen = torch.conj_physical(gradient)
        d[:, -1] = seen[:, -1]
        _run(a[:, 1:], seen[:, :-1], d[:, -1], d[:, :-1], ctx.chunks, backwards=True)
        d_a, d_h0 = None, None
        if ctx.needs_input_grad[0]:
            d_a = torch.empty_like(d)
            torch.mul(d[:, 0], h0, out=d_a[:, 0])
            torch.mul(d[:, 1:], h[:, :-1], out=d_a[:, 1:])
            d_a.conj_physical_()
        if ctx.needs_input_grad[2]:
            d_h0 = torch.conj_physical(d[:, 0] * a[:, 0])
        return d_a, d.conj_physical_(), d_h0, None


def _run(a: Tensor, b: Tensor, h0: Tensor, out: Tensor, chunks: bool, backwards: bool = False) -> None:
    """The recurrence into `out`, from the first step to the last, or `backwards` from the last to the first."""
    if out.size(1) == 0:
        return
    if chunks:
        if backwards:
            a, b = a.flip(1), b.flip(1)
        h = _chunked(a, b, h0)
        out.copy_(h.flip(1) if backwards else h)
        return
    steps = zip(a.unbind(1), b.unbind(1), out.unbind(1), strict=True)
    for a_t, b_t, h_t in reversed(list(steps)) if backwards else steps:
        h0 = torch.addcmul(b_t, a_t, h0, out=h_t)


def _chunked(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    size = math.isqrt(b.size(1) - 1) + 1
    chunks = -(-b.size(1) // size)
    missing = chunks * size - b.size(1)
    if missing:
        a, b = (torch.cat((x, x.new_zeros(x.size(0), missing, *x.shape[2:])), 1) for x in (a, b))
    shape = (b.size(0), chunks, size, *b.shape[2:])
    a, b = a.reshape(shape), b.reshape(shape)
    own, kept = _new(b), _new(b)  # each chunk's states from a zero beginning, and the share of its beginning left
    own[:, :, 0], kept[:, :, 0] = b[:, :, 0], a[:, :, 0]
    for t in range(1, size):
        torch.addcmul(b[:, :, t], a[:, :, t], own[:, :, t - 1], out=own[:, :, t])
        torch.mul(a[:, :, t], kept[:, :, t - 1], out=kept[:, :, t])
    begins = [h0]
    for chunk in range(chunks - 1):
        begins.append(torch.addcmul(own[:, chunk, -1], kept[:, chunk, -1], begins[-1]))
    h = torch.addcmul(own, kept, torch.stack(begins, 1)[:, :, None])
    return h.flatten(1, 2)[:, : b.size(1) * b.size(2) - missing]


def _new(like: Tensor) -> Tensor:
    """An uninitialised tensor of this form, contiguous even where `like` is expanded."""
    return torch.empty(like.shape, dtype=like.dtype, device=like.device)
