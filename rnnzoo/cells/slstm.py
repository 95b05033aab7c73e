"""sLSTM of the xLSTM: exponential gates held in range by a stabiliser, heads that mix only within themselves.

    i, f, z, o = W x + R h + b                    R has one block for each head
    F = f, or log sigmoid(f)                      the logarithm of the forget gate
    m' = max(F + m, i)                            the stabiliser
    c' = exp(F + m - m') * c + exp(i - m') * tanh(z)
    n' = exp(F + m - m') * n + exp(i - m')        the normaliser
    h' = sigmoid(o) * c' / n'

Beck et al. 2024, xLSTM: extended long short-term memory, arXiv:2405.04517, equations 8 to 17. c, n and m together mean
c exp(m) and n exp(m), and the outputs do not depend on m. Rows of a weight are ordered by head, then by gate i f z o.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.cells._affine import AffineCell, Params, PointwiseGradients
from rnnzoo.cells.base import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.nn.init import orthogonal_gates_
from rnnzoo.ranges import Bias, Size
from rnnzoo.shapes import Float, Tensor

__all__ = ["EXAMPLES", "SLSTM", "SLSTMConfig", "SLSTMState"]


EMPTY = -1e4
"""The stabiliser of a memory with nothing in it, a logarithm of 0: the first step's is then its input gate's, whatever
its forget gate says; with 0 here a forget gate far above it would leave the quotient 0 / 0."""


class SLSTMState(NamedTuple):
    """Each (B, H): the output h, the memory c, the normaliser n, and the stabiliser m of both."""

    h: Float[Tensor, "B H"]
    c: Float[Tensor, "B H"]
    n: Float[Tensor, "B H"]
    m: Float[Tensor, "B H"]


@dataclass(frozen=True)
class SLSTMConfig(CellConfig, name="slstm"):
    """sLSTM of the xLSTM.

    Args:
        heads: groups of units that see only each other's h; must divide the hidden size.
        forget_gate: the function of the forget gate.
        forget_bias: its bias at the start.
    """

    heads: Size = 1
    forget_gate: Literal["exp", "sigmoid"] = "exp"
    forget_bias: Bias = 1.0

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ValueError("heads must be at least 1")

    def build(self, input_size: int, hidden_size: int) -> SLSTM:
        if hidden_size % self.heads:
            raise UserError(f"slstm: {self.heads} heads do not divide the hidden size {hidden_size}")
        return SLSTM(input_size, hidden_size, self)


class SLSTM(AffineCell):
    """An sLSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_hh: (heads, 4 * H / heads, H / heads).
    """

    gates = 4
    zoneout_fields = ("h",)  # c and n are nothing without their m

    def __init__(self, input_size: int, hidden_size: int, config: SLSTMConfig) -> None:
        super().__init__(input_size, hidden_size)
        self.config, size = config, hidden_size // config.heads
        blocks = [orthogonal_gates_(torch.empty(4 * size, size), 4) for _ in range(config.heads)]
        self.weight_hh = nn.Parameter(torch.stack(blocks))
        with torch.no_grad():
            self.bias.view(config.heads, 4, size)[:, 1] = config.forget_bias

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> SLSTMState:
        zeros = self.zeros(batch_size, self.output_size, device, dtype)
        return SLSTMState(h=zeros, c=zeros.clone(), n=zeros.clone(), m=torch.full_like(zeros, EMPTY))

    def _gates(self, x_proj: Tensor, h_proj: Tensor) -> list[Tensor]:
        """The pre-activations i, f, z and o, each (B, H)."""
        by_head = (x_proj + h_proj).view(x_proj.size(0), self.config.heads, 4, -1)
        return [gate.flatten(1) for gate in by_head.unbind(2)]

    def pointwise(self, x_proj: Tensor, h_proj: Tensor, state: SLSTMState, params: Params) -> tuple[Tensor, SLSTMState]:
        i, f, z, o = self._gates(x_proj, h_proj)
        kept = (f if self.config.forget_gate == "exp" else F.logsigmoid(f)) + state.m
        m = torch.maximum(kept, i)
        keep, write = (kept - m).exp(), (i - m).exp()
        c = keep * state.c + write * z.tanh()
        n = keep * state.n + write
        h = o.sigmoid() * c / n
        return h, SLSTMState(h, c, n, m)

    def pointwise_backward(
        self, x_proj: Tensor, h_proj: Tensor, state: SLSTMState, params: Params, grad_y: Tensor, grad_new: SLSTMState
    ) -> PointwiseGradients:
        i, f, z, o = self._gates(x_proj, h_proj)
        sigmoid_f = self.config.forget_gate == "sigmoid"
        kept = (F.logsigmoid(f) if sigmoid_f else f) + state.m
        m = torch.maximum(kept, i)
        keep, write, z, o = (kept - m).exp_(), (i - m).exp_(), z.tanh(), o.sigmoid()
        n = torch.addcmul(write, keep, state.n)
        shown = torch.addcmul(write * z, keep, state.c).div_(n)
        grad_h = grad_y + grad_new.h
        of_shown = grad_h * o / n
        grad_c = grad_new.c + of_shown
        grad_n = grad_new.n - of_shown * shown
        of_keep = (grad_c * state.c).addcmul_(grad_n, state.n).mul_(keep)  # of its exponent
        of_write = torch.addcmul(grad_n, grad_c, z).mul_(write)
        of_m = grad_new.m - of_keep - of_write
        share = (kept > i).to(m).add_(kept == i, alpha=0.5)  # of that gradient; as autograd has it where both are equal
        of_kept = of_keep.addcmul_(of_m, share)
        of_i = of_write.addcmul_(of_m, 1 - share)
        gates = (
            of_i,
            of_kept * torch.sigmoid(-f) if sigmoid_f else of_kept,
            torch.ops.aten.tanh_backward(grad_c * write, z),
            torch.ops.aten.sigmoid_backward(grad_h * shown, o),
        )
        by_head = torch.stack([gate.view(len(gate), self.config.heads, -1) for gate in gates], dim=2)
        grad = by_head.flatten(1)
        return grad, grad, (torch.zeros_like(grad_h), grad_c * keep, grad_n * keep, of_kept), ()


EXAMPLES = (SLSTMConfig(), SLSTMConfig(heads=5, forget_gate="sigmoid"))
