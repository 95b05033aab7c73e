"""What may not come next: logits (R, V) in, logits with -inf at forbidden tokens out, nothing changed in place."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["block_repeats", "block_token", "force"]


def block_token(logits: Tensor, token: int) -> Tensor:
    """`token` cannot come next, in any row."""
    return logits.index_fill(1, torch.tensor([token], device=logits.device), -torch.inf)


def block_repeats(logits: Tensor, history: Tensor, size: int) -> Tensor:
    """No token that would repeat a sequence of `size` tokens of `history` (R, T)."""
    length = history.size(1)
    if length < size:
        return logits
    earlier = history.unfold(1, size - 1, 1)[:, : length - size + 1] if size > 1 else history[:, :, None][:, :, :0]
    latest = history[:, length - size + 1 :].unsqueeze(1)
    repeats = (earlier == latest).all(-1)  # (R, T - size + 1): what followed there would come again
    followed = history[:, size - 1 :]
    blocked = torch.zeros_like(logits, dtype=torch.int32).scatter_add_(1, followed, repeats.int())
    return logits.masked_fill(blocked > 0, -torch.inf)


def force(logits: Tensor, tokens: Tensor, free: Tensor) -> Tensor:
    """Only the row's own of `tokens` (R,) comes next; where that is negative, whatever may in `free`."""
    ids = tokens.clamp(min=0).unsqueeze(1)
    only = torch.full_like(logits, -torch.inf).scatter(1, ids, logits.gather(1, ids))
    return torch.where(tokens.unsqueeze(1) >= 0, only, free)
