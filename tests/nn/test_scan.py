"""The linear scan: both ways of running it against the recurrence itself, gradients, precision, and long sequences."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from rnnzoo.nn.scan import CHUNKED_FROM, Method, chooses_chunks, linear_scan
from rnnzoo.shapes import Tensor

METHODS: list[Method] = ["sequential", "chunked"]
LENGTHS = [1, 2, 3, 7, 16, 17]  # around squares, where the last chunk is whole, short, or alone


def data(steps: int, dtype: torch.dtype, *, batch: int = 2, size: int = 3) -> list[Tensor]:
    def randn(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=dtype).requires_grad_()

    return [randn(batch, steps, size), randn(batch, steps, size), randn(batch, size)]


def plain(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    states = []
    for t in range(b.size(1)):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("method", METHODS)
def test_values_and_gradients_are_the_recurrences(method: Method, dtype: torch.dtype, steps: int) -> None:
    inputs = data(steps, dtype)
    h, want = linear_scan(*inputs, method=method), plain(*inputs)
    torch.testing.assert_close(h, want, rtol=1e-13, atol=1e-13)
    factor = torch.randn_like(want)
    got = torch.autograd.grad(h, inputs, factor)
    for ours, theirs in zip(got, torch.autograd.grad(want, inputs, factor), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("method", METHODS)
def test_gradcheck(method: Method, dtype: torch.dtype) -> None:
    assert torch.autograd.gradcheck(lambda *x: linear_scan(*x, method=method), data(5, dtype, batch=1, size=2))


@pytest.mark.parametrize("method", METHODS)
def test_factors_may_be_expanded_and_tensors_strided(method: Method) -> None:
    a = torch.randn(3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(9, 2, 3, dtype=torch.float64, requires_grad=True)
    h0 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    inputs = (a.expand(2, 9, 3), b.transpose(0, 1), h0.T)
    h, want = linear_scan(*inputs, method=method), plain(*inputs)
    torch.testing.assert_close(h, want, rtol=1e-13, atol=1e-13)
    got, expected = (torch.autograd.grad(y.sum(), (a, b, h0)) for y in (h, want))
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_more_axes_and_no_steps(method: Method) -> None:
    a, b, h0 = torch.randn(2, 5, 3, 4), torch.randn(2, 5, 3, 4), torch.randn(2, 3, 4)
    torch.testing.assert_close(linear_scan(a, b, h0, method=method), plain(a, b, h0))
    assert linear_scan(a[:, :0], b[:, :0], h0, method=method).shape == (2, 0, 3, 4)


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)])
@pytest.mark.parametrize("method", METHODS)
def test_each_gradient_alone(method: Method, wanted: tuple[bool, ...]) -> None:
    everything = data(6, torch.float64)
    (expected,) = (
        gradient
        for gradient, here in zip(torch.autograd.grad(plain(*everything).sum(), everything), wanted, strict=True)
        if here
    )
    some = [tensor.detach().requires_grad_(here) for tensor, here in zip(everything, wanted, strict=True)]
    (got,) = torch.autograd.grad(linear_scan(*some, method=method).sum(), [x for x in some if x.requires_grad])
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["slow decay", "any decay", "complex"])
@pytest.mark.parametrize("method", METHODS)
def test_sixteen_thousand_steps_in_float32(method: Method, kind: Literal["slow decay", "any decay", "complex"]) -> None:
    """Against float64: no product under- or overflows into an error, forwards or back."""
    steps, size = 16_384, 8
    b, h0 = torch.randn(1, steps, size), torch.randn(1, size)
    if kind == "slow decay":
        a = 1 - torch.rand(1, steps, size) * 1e-3
    elif kind == "any decay":
        a = torch.rand(1, steps, size)
        a[:, 3::7] = 0  # what cumulative products cannot be divided by
    else:
        a = torch.polar(torch.empty(1, steps, size).uniform_(0.9, 1), torch.empty(1, steps, size).uniform_(-3, 3))
        b, h0 = torch.complex(b, torch.randn_like(b)), torch.complex(h0, torch.randn_like(h0))
    inputs = [x.requires_grad_() for x in (a, b, h0)]
    exact = [x.detach().to(torch.complex128 if x.is_complex() else torch.float64).requires_grad_() for x in inputs]
    h, want = linear_scan(*inputs, method=method), linear_scan(*exact, method="chunked")
    factor = torch.randn_like(h)
    got = torch.autograd.grad(h, inputs, factor)
    expected = torch.autograd.grad(want, exact, factor.to(want.dtype))
    for ours, theirs in zip((h, *got), (want, *expected), strict=True):
        assert ((ours - theirs).abs().max() / theirs.abs().max()).item() < 2e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", METHODS)
def test_half_precision_is_float32_inside(method: Method, dtype: torch.dtype) -> None:
    a, b, h0 = (
        (1 - torch.rand(2, 500, 3) * 0.01).to(dtype),
        torch.randn(2, 500, 3).to(dtype),
        torch.randn(2, 3).to(dtype),
    )
    h = linear_scan(a, b, h0, method=method)
    assert h.dtype == dtype
    assert torch.equal(h, linear_scan(a.float(), b.float(), h0.float(), method=method).to(dtype))
    # A state in float32 stays so, as under autocast, where only what comes out of products is narrow.
    with torch.autocast("cpu", dtype):
        assert linear_scan(a, b, h0.float(), method=method).dtype == torch.float32


def test_the_rule() -> None:
    """Documented at `linear_scan`: chunks anywhere but on a CPU, from CHUNKED_FROM steps on."""
    short, long = (torch.empty(1, steps, 1) for steps in (CHUNKED_FROM - 1, CHUNKED_FROM))
    assert [chooses_chunks("auto", x) for x in (short, long, short.to("meta"), long.to("meta"))] == [0, 0, 0, 1]
    assert chooses_chunks("chunked", short)
    assert not chooses_chunks("sequential", long.to("meta"))


def test_the_gradient_of_a_gradient_is_refused() -> None:
    inputs = data(4, torch.float64)
    (gradient,) = torch.autograd.grad(linear_scan(*inputs).square().sum(), inputs[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
