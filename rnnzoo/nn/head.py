"""Output layers: from features to the (log-)probabilities of the next token."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["IGNORED", "AdaptiveHead", "LinearHead"]

IGNORED = -100
"""A target that is not counted."""


class LinearHead(nn.Linear):
    """One matrix (V, H), which an embedding table may share; its outputs are unnormalised log-probabilities.

    Args:
        in_features: H. vocab_size: V.
        temperature: divides the outputs (temperature scaling, Guo et al. 2017, arXiv:1706.04599).
    """

    def __init__(self, in_features: int, vocab_size: int, temperature: float = 1.0) -> None:
        super().__init__(in_features, vocab_size)
        self.temperature = temperature

    def forward(self, x: Float[Tensor, "*B H"]) -> Float[Tensor, "*B V"]:
        """Log-probabilities of all tokens, not normalised."""
        logits: Tensor = super().forward(x)
        return logits if self.temperature == 1 else logits / self.temperature

    def nll(self, x: Float[Tensor, "*B H"], targets: Int[Tensor, "*B"]) -> Float[Tensor, ""]:
        """The sum of -ln p(target), in nats, over the targets that are not `IGNORED`."""
        logits = self(x).flatten(0, -2)
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()  # a sum over thousands of tokens has no room in half precision
        return F.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="sum")


class AdaptiveHead(nn.Module):
    """Adaptive softmax: rare words in clusters of fewer features (Grave et al. 2017, arXiv:1609.04309).

    The vocabulary must be sorted by frequency. A training step computes a cluster only where a target lies in it; the
    gradients of the others are 0, not absent, since ranks with other targets wait for them.

    Args:
        in_features: H. vocab_size: V.
        cutoffs: where one cluster ends and the next begins: the ids below cutoffs[0] are in the first, which keeps all
            features; each further cluster has a quarter of those of the one before.

    Raises:
        ValueError: not even one feature would be left for the last cluster.
    """

    def __init__(self, in_features: int, vocab_size: int, cutoffs: Sequence[int]) -> None:
        super().__init__()
        if in_features < 4 ** len(cutoffs):
            raise ValueError(f"{len(cutoffs)} cutoffs need {4 ** len(cutoffs)} features, and there are {in_features}")
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(in_features, vocab_size, list(cutoffs))

    def forward(self, x: Float[Tensor, "*B H"]) -> Float[Tensor, "*B V"]:
        """Log-probabilities of all tokens."""
        whole: Tensor = self.softmax.log_prob(x.flatten(0, -2))
        return whole.view(*x.shape[:-1], -1)

    def nll(self, x: Float[Tensor, "*B H"], targets: Int[Tensor, "*B"]) -> Float[Tensor, ""]:
        """The sum of -ln p(target), in nats, over the targets that are not `IGNORED`."""
        counted = targets != IGNORED
        chosen = targets[counted]
        log_p: Tensor = self.softmax(x[counted], chosen).output
        if torch.is_grad_enabled():
            unused = log_p.new_zeros(())
            for begin, end, cluster in zip(
                self.softmax.cutoffs, self.softmax.cutoffs[1:], self.softmax.tail, strict=False
            ):
                if not ((begin <= chosen) & (chosen < end)).any():
                    unused = unused + sum(parameter.sum() for parameter in cluster.parameters())
            log_p = torch.cat([log_p, 0 * unused.view(1)])
        return -log_p.float().sum() if log_p.dtype in (torch.float16, torch.bfloat16) else -log_p.sum()
