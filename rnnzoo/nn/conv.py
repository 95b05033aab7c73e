"""Short causal convolutions in time, which can be stepped."""

from __future__ import annotations

import torch
from torch import nn

from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["CausalConv"]


class CausalConv(nn.Module):
    """Each feature's last few inputs, weighted: y_t = sum over k of weight_k * x_{t - width + 1 + k} + bias.

    No step sees a later one; what came before the first is a carried state, zeros at the beginning. It is a sum of
    `width` products rather than a call of conv1d, which for single features is several times slower on a CPU.

    Args:
        size: E, features; none sees another (a depthwise convolution).
        width: inputs that an output sees, its own and those before it; at least 2.

    Attributes:
        weight: (width, E), the oldest first. bias: (E).
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.empty(width, size).uniform_(-(width**-0.5), width**-0.5))
        self.bias = nn.Parameter(torch.zeros(size))

    def step(
        self, x: Float[Tensor, "B E"], past: Float[Tensor, "B P E"]
    ) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B P E"]]:
        """One step: the output, and the inputs for the next, oldest first; P is width - 1."""
        window = torch.cat((past, x[:, None]), 1)
        return (window * self.weight).sum(1) + self.bias, window[:, 1:].to(past.dtype)

    def forward(
        self, x: Float[Tensor, "B T E"], past: Float[Tensor, "B P E"], lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T E"], Float[Tensor, "B P E"]]:
        """All steps. With `lengths`, the inputs handed on are those before each row's end."""
        steps = x.size(1)
        inputs = torch.cat((past, x), 1)
        y: Tensor = self.bias
        for place, weight in enumerate(self.weight.unbind(0)):
            y = torch.addcmul(y, inputs[:, place : place + steps], weight)
        if lengths is None:
            return y, inputs[:, steps:].to(past.dtype, copy=True)
        last = torch.arange(self.width - 1, device=x.device) + lengths.to(x.device)[:, None]
        return y, inputs[torch.arange(x.size(0), device=x.device)[:, None], last].to(past.dtype)

    def extra_repr(self) -> str:
        return f"{self.weight.size(1)}, width={self.width}"
