"""The causal convolution: against conv1d, in pieces, and with rows of different lengths."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rnnzoo.nn import CausalConv


@pytest.mark.parametrize("width", [2, 4])
def test_it_is_a_depthwise_convolution(width: int) -> None:
    conv, x = CausalConv(3, width).double(), torch.randn(2, 7, 3, dtype=torch.float64)
    torch.nn.init.normal_(conv.bias)
    y, _ = conv(x, x.new_zeros(2, width - 1, 3))
    padded = F.pad(x.mT, (width - 1, 0))
    want = F.conv1d(padded, conv.weight.T[:, None], conv.bias, groups=3).mT
    torch.testing.assert_close(y, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_steps_and_chunks_are_the_whole(steps: int) -> None:
    conv, x, past = CausalConv(3, 4).double(), torch.randn(2, steps, 3).double(), torch.randn(2, 3, 3).double()
    want, final = conv(x, past)
    outputs, state = [], past
    for x_t in x.unbind(1):
        y, state = conv.step(x_t, state)
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, 1), want)
    assert torch.equal(state, final)
    first, between = conv(x[:, :1], past)
    rest, last = conv(x[:, 1:], between)
    torch.testing.assert_close(torch.cat((first, rest), 1), want)
    assert torch.equal(last, final)


def test_the_past_handed_on_ends_where_the_row_ends() -> None:
    conv, x, past = CausalConv(2, 4), torch.randn(3, 5, 2), torch.randn(3, 3, 2)
    _, final = conv(x, past, torch.tensor([5, 0, 2]))
    assert torch.equal(final[0], x[0, 2:])
    assert torch.equal(final[1], past[1])
    assert torch.equal(final[2], torch.cat((past[2, 2:], x[2, :2])))
    assert conv(x, past)[1].untyped_storage().nbytes() == past.nbytes  # no view that keeps the inputs alive
