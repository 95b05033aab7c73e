"""Gated DeltaNet: a matrix as memory that forgets by a gate and corrects what a key already stands for.

    q = unit(silu(W_q x)),   k = unit(silu(W_k x)),   v = silu(W_v x)         unit: length 1, for each head
    alpha = exp(-A * softplus(w_a x + b_a))                                   what is kept; A, b_a for each head
    beta = sigmoid(w_b x)                                                     how far a value is replaced
    S' = alpha * S (I - beta * k k^T) + beta * v k^T
    h' = S' q

Yang, Kautz & Hatamizadeh 2024, arXiv:2412.06464, equation 10; alpha as in Mamba-2, arXiv:2405.21060. For the chunked
form (section 3.3 there): with u = beta (v - alpha S k), a step adds u k^T, and the u of a chunk solve one triangular
system. Convolution, output norm and output gate around the cell are the block's (`block` of a stack).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._matrix import MatrixCell, causal
from rnnzoo.cells.base import CellConfig
from rnnzoo.nn.init import xavier_gates_
from rnnzoo.ranges import Size
from rnnzoo.shapes import Bool, Float, Tensor

__all__ = ["EXAMPLES", "GatedDeltaNet", "GatedDeltaNetConfig", "GatedDeltaNetState"]


class GatedDeltaNetState(NamedTuple):
    """The memory s (B, heads, value, key)."""

    s: Float[Tensor, "B heads size size"]


@dataclass(frozen=True)
class GatedDeltaNetConfig(CellConfig, name="gated_deltanet"):
    """Gated DeltaNet (Yang et al. 2024).

    Args:
        heads: memories, each of (hidden_size / heads)^2 numbers; must divide the hidden size.
        chunk_size: steps that training takes at once; changes speed and memory, not the results.
    """

    heads: Size = 1
    chunk_size: Size = 64

    def __post_init__(self) -> None:
        if self.heads < 1 or self.chunk_size < 1:
            raise ValueError("heads and chunk_size must be at least 1")

    def build(self, input_size: int, hidden_size: int) -> GatedDeltaNet:
        return GatedDeltaNet(input_size, hidden_size, self.heads, self.chunk_size)


class GatedDeltaNet(MatrixCell):
    """A Gated DeltaNet layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (3 H, D), for q k v.
        weight_gates: (2 heads, D), for alpha and beta. bias_alpha, log_a: (heads), b_a and ln A; as in Mamba-2, A
            begins uniform in 0 to 16, and softplus(b_a) from 0.001 to 0.1, uniform in its logarithm.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int = 1, chunk_size: int = 64) -> None:
        super().__init__(input_size, hidden_size, heads, chunk_size)
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(3 * hidden_size, input_size), 3))
        self.weight_gates = nn.Parameter(xavier_gates_(torch.empty(2 * heads, input_size), 2))
        rate = torch.empty(heads).uniform_(math.log(0.001), math.log(0.1)).exp()
        self.bias_alpha = nn.Parameter(rate.expm1().log())  # softplus' inverse
        self.log_a = nn.Parameter(torch.empty(heads).uniform_(0, 16).clamp(min=1e-3).log())

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> GatedDeltaNetState:
        zeros = self.zeros(batch_size, self.output_size * self.head_size, device, dtype)
        return GatedDeltaNetState(zeros.view(batch_size, self.heads, self.head_size, self.head_size))

    def inputs(self, x: Float[Tensor, "B *T D"], valid: Bool[Tensor, "B T"] | None) -> tuple[Tensor, ...]:
        """q, k and v, each (B, ..., H), ln alpha and beta, each (B, ..., heads)."""
        q, k, v = F.silu(F.linear(x, self.weight_ih)).chunk(3, dim=-1)
        a, b = F.linear(x, self.weight_gates).chunk(2, dim=-1)
        log_alpha, beta = -self.log_a.exp() * F.softplus(a + self.bias_alpha), b.sigmoid()
        if valid is not None:
            log_alpha, beta = (torch.where(valid[:, :, None], gate, 0) for gate in (log_alpha, beta))
        return self._unit(q), self._unit(k), v, log_alpha, beta

    def advance(
        self, inputs: tuple[Tensor, ...], state: GatedDeltaNetState
    ) -> tuple[Float[Tensor, "B H"], GatedDeltaNetState]:
        q, k, v = map(self.by_head, inputs[:3])
        alpha, beta = inputs[3].exp()[..., None], inputs[4][..., None]
        u = beta * (v - alpha * (state.s @ k[..., None]).squeeze(-1))
        s = alpha[..., None] * state.s + u[..., :, None] * k[..., None, :]
        return self.joined((s @ q[..., None]).squeeze(-1)), GatedDeltaNetState(s)

    def chunk(
        self, inputs: tuple[Tensor, ...], state: GatedDeltaNetState
    ) -> tuple[Float[Tensor, "B L H"], GatedDeltaNetState]:
        q, k, v = map(self.by_head, inputs[:3])  # (B, heads, L, size)
        past, beta = inputs[3].transpose(1, 2).cumsum(-1), inputs[4].transpose(1, 2)[..., None]
        seen = causal(q.size(2), q.device)
        # alpha_{j+1} ... alpha_t, what is left at step t of what step j wrote; never a quotient of small numbers.
        left = (past[..., :, None] - past[..., None, :]).masked_fill(~seen, -torch.inf).exp()
        begin = past.exp()[..., None]
        known = (beta * left * (k @ k.mT)).tril(-1)
        wanted = beta * (v - begin * (k @ state.s.mT))
        u = torch.linalg.solve_triangular(known, wanted, upper=False, unitriangular=True)
        y = begin * (q @ state.s.mT) + (left * (q @ k.mT)) @ u
        s = begin[..., -1:, :] * state.s + (left[..., -1, :, None] * u).mT @ k
        return self.joined(y), GatedDeltaNetState(s)

    def _unit(self, x: Float[Tensor, "B *T H"]) -> Float[Tensor, "B *T H"]:
        """Each head's part with length 1; a zero stays zero."""
        heads = x.reshape(*x.shape[:-1], self.heads, self.head_size)
        return (heads * (heads.square().sum(-1, keepdim=True) + 1e-6).rsqrt()).flatten(-2)


EXAMPLES = (GatedDeltaNetConfig(), GatedDeltaNetConfig(heads=5, chunk_size=2), GatedDeltaNetConfig(chunk_size=4))
