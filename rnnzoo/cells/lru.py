"""Linear recurrent unit: a diagonal, complex, linear recurrence, stable by its parameters.

    lambda = exp(-exp(nu) + i exp(theta))       N complex numbers of modulus less than 1
    s' = lambda * s + exp(gamma) * (B x)        the state, complex
    h' = Re(C s') + D x

Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu & De 2023, arXiv:2303.06349, sections 3.2 to 3.4. Real and imaginary
parts of the state are two tensors, so that whatever treats states knows real numbers only. Nothing in it is nonlinear;
that is the block's business (`block` of a stack).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._scan import ScanCell
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.scan import linear_scan, widened
from rnnzoo.ranges import NonNegative, Share, SizeOrZero
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "LRU", "LRUConfig", "LRUState"]


class LRUState(NamedTuple):
    """Real and imaginary part of s, each (B, N)."""

    re: Float[Tensor, "B N"]
    im: Float[Tensor, "B N"]


@dataclass(frozen=True)
class LRUConfig(CellConfig, name="lru"):
    """Linear recurrent unit (Orvieto et al. 2023).

    Args:
        state_size: N; 0 makes it the hidden size.
        r_min: lambda begins in the ring between this modulus and `r_max`, uniform by area: how long it remembers.
        r_max: see `r_min`; less than 1.
        max_phase: lambda's angle begins uniform between 0 and this; small for long inputs.
    """

    state_size: SizeOrZero = 0
    r_min: Share = 0.9
    r_max: Share = 0.999
    max_phase: NonNegative = 2 * math.pi

    def __post_init__(self) -> None:
        if not 0 <= self.r_min < self.r_max < 1:
            raise ValueError(f"0 <= r_min < r_max < 1 does not hold for {self.r_min} and {self.r_max}")
        if self.state_size < 0 or self.max_phase <= 0:
            raise ValueError("state_size must not be negative, and max_phase must be positive")

    def build(self, input_size: int, hidden_size: int) -> LRU:
        return LRU(input_size, hidden_size, self)


class LRU(ScanCell):
    """An LRU layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        nu, theta, gamma: (N).
        weight_b: (2 N, D), real and imaginary part of B's first row, of its second, and so on.
        weight_c: (H, 2 N), real part and negated imaginary part of C's first column, of its second, and so on.
        weight_d: (H, D).
    """

    def __init__(self, input_size: int, hidden_size: int, config: LRUConfig) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.state_size = size = config.state_size or hidden_size
        squared = torch.empty(size).uniform_(config.r_min**2, config.r_max**2)
        squared = squared.clamp(min=torch.finfo(squared.dtype).tiny)  # the ring may have no hole
        self.nu = nn.Parameter((-0.5 * squared.log()).log())
        self.theta = nn.Parameter(torch.empty(size).uniform_().clamp(min=1e-6).mul(config.max_phase).log())
        self.gamma = nn.Parameter(0.5 * (-torch.expm1(-2 * self.nu.detach().exp())).log())  # ln sqrt(1 - |lambda|^2)
        self.weight_b = nn.Parameter(torch.randn(2 * size, input_size) / math.sqrt(2 * input_size))
        self.weight_c = nn.Parameter(torch.randn(hidden_size, 2 * size) / math.sqrt(size))
        self.weight_d = nn.Parameter(torch.randn(hidden_size, input_size) / math.sqrt(input_size))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> LRUState:
        zeros = self.zeros(batch_size, self.state_size, device, dtype)
        return LRUState(zeros, zeros.clone())

    def step(self, x: Float[Tensor, "B D"], state: LRUState) -> tuple[Float[Tensor, "B H"], LRUState]:
        (re, im), dtype = widened(*state)
        s = self._factor() * torch.complex(re, im) + self._written(x)
        return self._shown(s, x), LRUState(s.real.to(dtype), s.imag.to(dtype))

    def all_steps(self, x: Float[Tensor, "B T D"], state: LRUState) -> tuple[Float[Tensor, "B T H"], LRUState]:
        (re, im), dtype = widened(*state)
        b = self._written(x)
        s = linear_scan(self._factor().expand_as(b), b, torch.complex(re, im))
        return self._shown(s, x), LRUState(s.real.to(dtype), s.imag.to(dtype))

    def _factor(self) -> Tensor:
        """lambda, complex (N)."""
        (nu, theta), _ = widened(self.nu, self.theta)
        return torch.polar((-nu.exp()).exp(), theta.exp())

    def _written(self, x: Float[Tensor, "B *T D"]) -> Tensor:
        """exp(gamma) * (B x), complex (B, ..., N)."""
        pairs = F.linear(x, self.weight_b * self.gamma.exp().repeat_interleave(2)[:, None])
        (pairs,), _ = widened(pairs)
        return torch.view_as_complex(pairs.reshape(*pairs.shape[:-1], self.state_size, 2))

    def _shown(self, s: Tensor, x: Float[Tensor, "B *T D"]) -> Float[Tensor, "B *T H"]:
        pairs = torch.view_as_real(s).flatten(-2)
        return F.linear(pairs.to(x.dtype), self.weight_c) + F.linear(x, self.weight_d)


EXAMPLES = (LRUConfig(), LRUConfig(state_size=4, r_min=0.0, r_max=0.99, max_phase=0.3))
