"""The elementwise loops: each against its equation step by step, values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
import torch

from rnnzoo.nn.elementwise import gated_scan, gated_step, independent_scan, independent_step
from rnnzoo.nn.scan import Method
from rnnzoo.shapes import Tensor


def randn(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype).requires_grad_()


def check(scan: Callable[..., Tensor], step: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    """`scan` of inputs (sequences..., h0, rest...) is `step` by `step`, gradients too."""
    sequences, (h, *rest) = [x for x in inputs if x.dim() == 3], [x for x in inputs if x.dim() < 3]
    states = []
    for parts in zip(*(x.unbind(1) for x in sequences), strict=True):
        h = step(*parts, h, *rest)
        states.append(h)
    got, want = scan(*inputs), torch.stack(states, 1)
    torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-13)
    factor = torch.randn_like(want)
    for ours, theirs in zip(
        torch.autograd.grad(got, inputs, factor), torch.autograd.grad(want, inputs, factor), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 11])
@pytest.mark.parametrize("method", ["sequential", "chunked"])
def test_gated(method: Method, steps: int) -> None:
    inputs = [randn(2, steps, 3), randn(2, steps, 3), randn(2, 3)]
    check(lambda *x: gated_scan(*x, method=method), gated_step, inputs)
    check(gated_scan, gated_step, [*inputs, randn(3)])
    assert torch.autograd.gradcheck(gated_scan, (*inputs, randn(3)), fast_mode=True)


@pytest.mark.parametrize("steps", [1, 2, 11])
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_independent(nonlinearity: Literal["relu", "tanh"], steps: int) -> None:
    inputs = [randn(2, steps, 3), randn(2, 3), randn(3)]
    check(lambda *x: independent_scan(*x, nonlinearity), lambda *x: independent_step(*x, nonlinearity), inputs)
    assert torch.autograd.gradcheck(lambda *x: independent_scan(*x, nonlinearity), inputs, fast_mode=True)


def test_gates_that_are_shut_or_open_to_the_last_digit() -> None:
    """A saturated gate keeps or takes everything; neither way gives NaN, and none is lost to 1 - f."""
    gate = torch.tensor([[[200.0, -200.0, 40.0]] * 3])
    x, h0 = torch.full((1, 3, 3), 2.0), torch.full((1, 3), -1.0)
    for method in ("sequential", "chunked"):
        inputs = [tensor.clone().requires_grad_() for tensor in (gate, x, h0)]
        h = gated_scan(*inputs, method=method)  # type: ignore[arg-type]
        assert torch.equal(h[:, -1, :2], torch.tensor([[-1.0, 2.0]]))
        assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(h.sum(), inputs))


@pytest.mark.parametrize("method", ["sequential", "chunked"])
def test_sixteen_thousand_gated_steps_in_float32(method: Method) -> None:
    inputs = [randn(1, 16_384, 4, dtype=torch.float32), randn(1, 16_384, 4, dtype=torch.float32)]
    inputs = [(inputs[0].detach() + 5).requires_grad_(), inputs[1], randn(1, 4, dtype=torch.float32)]
    exact = [x.detach().double().requires_grad_() for x in inputs]
    h, want = gated_scan(*inputs, method=method), gated_scan(*exact, method="chunked")
    factor = torch.randn_like(h)
    got = torch.autograd.grad(h, inputs, factor)
    for ours, theirs in zip((h, *got), (want, *torch.autograd.grad(want, exact, factor.double())), strict=True):
        assert ((ours - theirs).abs().max() / theirs.abs().max()).item() < 2e-6


def test_half_precision_is_float32_inside() -> None:
    gate, x, h0 = (torch.randn(shape).bfloat16() for shape in ((2, 50, 3), (2, 50, 3), (2, 3)))
    u = torch.randn(3)
    for scan in (
        lambda *x: gated_scan(*x),
        lambda *x: gated_scan(*x, u),
        lambda *x: independent_scan(*x[1:], u, "tanh"),
    ):
        h = scan(gate, x, h0)
        assert h.dtype == torch.bfloat16
        assert torch.equal(h, scan(gate.float(), x.float(), h0.float()).bfloat16())
        assert scan(gate, x, h0.float()).dtype == torch.float32
