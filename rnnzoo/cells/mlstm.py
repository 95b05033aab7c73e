"""Matrix LSTM of xLSTM: the memory of each head is a matrix, written as value times key and read by a query.

    q = W_q x + b_q,   k = (W_k x + b_k) / sqrt(size),   v = W_v x + b_v
    i = exp(w_i x + b_i),   f = sigmoid(w_f x + b_f)      one number for each head
    o = sigmoid(W_o x + b_o)
    C' = f * C + i * v k^T                                the memory
    n' = f * n + i * k                                    how much was written, and where
    h' = o * (C' q) / max(|n' . q|, 1)

Beck, Pöppel, Spanring et al. 2024, arXiv:2405.04517, equations 19 to 27. Since exp overflows, the state is C exp(-m)
and n exp(-m) with m' = max(ln f + m, ln i) carried beside them, and 1 becomes exp(-m'): the same h, as in appendix A.
The chunked form unrolls these equations over the chunk's steps. Up-projection, convolution and norm around the cell are
the block's (`block` of a stack).
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

__all__ = ["EXAMPLES", "MLSTM", "MLSTMConfig", "MLSTMState"]


class MLSTMState(NamedTuple):
    """The memory c (B, heads, value, key), the normaliser n (B, heads, key), both times exp(-m), and m (B, heads)."""

    c: Float[Tensor, "B heads size size"]
    n: Float[Tensor, "B heads size"]
    m: Float[Tensor, "B heads"]


@dataclass(frozen=True)
class MLSTMConfig(CellConfig, name="mlstm"):
    """Matrix LSTM (Beck et al. 2024).

    Args:
        heads: memories, each of (hidden_size / heads)^2 numbers; must divide the hidden size.
        chunk_size: steps that training takes at once; changes speed and memory, not the results.
    """

    heads: Size = 1
    chunk_size: Size = 64

    def __post_init__(self) -> None:
        if self.heads < 1 or self.chunk_size < 1:
            raise ValueError("heads and chunk_size must be at least 1")

    def build(self, input_size: int, hidden_size: int) -> MLSTM:
        return MLSTM(input_size, hidden_size, self.heads, self.chunk_size)


class MLSTM(MatrixCell):
    """An mLSTM layer: (B, T, input_size) -> (B, T, hidden_size).

    Attributes:
        weight_ih: (4 H, D) and bias_ih: (4 H), for q k v o.
        weight_gates: (2 heads, D) and bias_gates: (2 heads), i and f of each head. As in the published code, they begin
            without weights, f with a bias from 3 for the first head to 6 for the last, i with one close to 0.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int = 1, chunk_size: int = 64) -> None:
        super().__init__(input_size, hidden_size, heads, chunk_size)
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(4 * hidden_size, input_size), 4))
        self.bias_ih = nn.Parameter(torch.zeros(4 * hidden_size))
        self.weight_gates = nn.Parameter(torch.zeros(2 * heads, input_size))
        self.bias_gates = nn.Parameter(torch.cat((0.1 * torch.randn(heads), torch.linspace(3, 6, heads))))

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> MLSTMState:
        n = self.by_head(self.zeros(batch_size, self.output_size, device, dtype))
        return MLSTMState(n.new_zeros(*n.shape, self.head_size), n, n.new_zeros(batch_size, self.heads))

    def inputs(self, x: Float[Tensor, "B *T D"], valid: Bool[Tensor, "B T"] | None) -> tuple[Tensor, ...]:
        """q, k, v and o, each (B, ..., H), and the logarithms of i and f, each (B, ..., heads)."""
        q, k, v, o = F.linear(x, self.weight_ih, self.bias_ih).chunk(4, dim=-1)
        log_i, f = F.linear(x, self.weight_gates, self.bias_gates).chunk(2, dim=-1)
        log_f = F.logsigmoid(f)
        if valid is not None:
            log_i = torch.where(valid[:, :, None], log_i, -torch.inf)
            log_f = torch.where(valid[:, :, None], log_f, 0)
        return q, k / math.sqrt(self.head_size), v, o.sigmoid(), log_i, log_f

    def advance(self, inputs: tuple[Tensor, ...], state: MLSTMState) -> tuple[Float[Tensor, "B H"], MLSTMState]:
        q, k, v = map(self.by_head, inputs[:3])
        o, log_i, log_f = inputs[3:]
        m = torch.maximum(log_f + state.m, log_i)
        kept, written = (log_f + state.m - m).exp()[..., None], (log_i - m).exp()[..., None]
        c = kept[..., None] * state.c + (written * v)[..., :, None] * k[..., None, :]
        n = kept * state.n + written * k
        shown = (c @ q[..., None]).squeeze(-1)
        return o * self.joined(shown / _scale((n * q).sum(-1), m)), MLSTMState(c, n, m)

    def chunk(self, inputs: tuple[Tensor, ...], state: MLSTMState) -> tuple[Float[Tensor, "B L H"], MLSTMState]:
        q, k, v = map(self.by_head, inputs[:3])  # (B, heads, L, size)
        o, log_i, log_f = inputs[3], inputs[4].transpose(1, 2), inputs[5].transpose(1, 2)  # gates (B, heads, L)
        past = log_f.cumsum(-1)  # ln of what is left of the chunk's beginning
        # What step t has from step j: i_j f_{j+1} ... f_t, and from before the chunk: f_1 ... f_t; logarithms.
        own = past[..., :, None] - past[..., None, :] + log_i[..., None, :]
        own = own.masked_fill(~causal(q.size(2), q.device), -torch.inf)
        begin = past + state.m[..., None]
        m = torch.maximum(begin, own.amax(-1))
        written, kept = (own - m[..., None]).exp(), (begin - m).exp()[..., None]
        found = written * (q @ k.mT)
        shown = found @ v + kept * (q @ state.c.mT)
        amount = found.sum(-1) + (kept * q * state.n[..., None, :]).sum(-1)
        y = o * self.joined(shown / _scale(amount, m))
        last = written[..., -1, :, None]
        c = kept[..., -1:, :] * state.c + (last * v).mT @ k
        n = kept[..., -1, :] * state.n + (last * k).sum(-2)
        return y, MLSTMState(c, n, m[..., -1].clone())


def _scale(amount: Tensor, m: Tensor) -> Tensor:
    """max(|n . q|, exp(-m)), with a last axis; past exp(80) the quotient is 0 in any case, and exp overflows."""
    return torch.maximum(amount.abs(), (-m).clamp(max=80).exp())[..., None]


EXAMPLES = (MLSTMConfig(), MLSTMConfig(heads=5, chunk_size=2), MLSTMConfig(chunk_size=4))
