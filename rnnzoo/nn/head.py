"""Output layers: from features to the (log-)probabilities of the next token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["IGNORED", "AdaptiveEmbedding", "AdaptiveHead", "LinearHead"]

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
        chosen, x = targets[counted], x[counted]
        first = self.softmax.cutoffs[0]
        slots, total = chosen, x.new_zeros((), dtype=_wide(x).dtype)
        for number, (begin, end, down, up) in enumerate(self._clusters()):
            inside = (begin <= chosen) & (chosen < end)
            slots = torch.where(inside, first + number, slots)  # of the first cluster, for the cluster as a whole
            if inside.any():
                logits = _wide(up(down(x[inside])))
                total = total + F.cross_entropy(logits, chosen[inside] - begin, reduction="sum")
            elif torch.is_grad_enabled():
                total = total + 0 * (down.weight.sum() + up.weight.sum())
        return total + F.cross_entropy(_wide(self.softmax.head(x)), slots, reduction="sum")

    def vectors(self, tokens: Int[Tensor, "*B"]) -> Float[Tensor, "*B H"]:
        """What each token's output is weighed with: its row, or its cluster's row through the cluster's projection."""
        frequent = self.softmax.cutoffs[0]
        vectors = F.embedding(tokens.clamp(max=frequent - 1), _weight(self.softmax.head))
        for begin, end, down, up in self._clusters():
            rare = F.embedding((tokens - begin).clamp(0, end - begin - 1), _weight(up)) @ _weight(down)
            inside = ((begin <= tokens) & (tokens < end)).unsqueeze(-1)
            vectors = torch.where(inside, rare, vectors)  # of shapes that no token has a say in
        return vectors

    @torch.no_grad()
    def reset_table(self, bound: float) -> None:
        """Draws weights with which the vectors of rare words are spread as those of frequent ones: within `bound`."""
        nn.init.uniform_(self.softmax.head.weight, -bound, bound)
        for _, _, down, up in self._clusters():
            nn.init.orthogonal_(down.weight)
            spread = bound * (down.in_features / down.out_features) ** 0.5
            nn.init.uniform_(up.weight, -spread, spread)

    def _clusters(self) -> Iterator[tuple[int, int, nn.Linear, nn.Linear]]:
        """First id, id after the last, projection (H to H / 4^i) and rows of each cluster of rare words."""
        cutoffs = self.softmax.cutoffs
        for begin, end, cluster in zip(cutoffs, cutoffs[1:], self.softmax.tail, strict=False):
            assert isinstance(cluster, nn.Sequential)
            down, up = cluster
            assert isinstance(down, nn.Linear)
            assert isinstance(up, nn.Linear)
            yield begin, end, down, up


class AdaptiveEmbedding(nn.Module):
    """Token vectors that are those of an adaptive softmax: frequent words have whole ones, rare ones fewer features.

    Adaptive inputs with tied weights and tied projections (Baevski & Auli 2019, arXiv:1809.10853). It has no parameters
    of its own.

    Args:
        head: the output layer, which stays a part of the model that this belongs to.
    """

    def __init__(self, head: AdaptiveHead) -> None:
        super().__init__()
        self._of = (head,)  # not as a part: its parameters would have two names
        self.num_embeddings, self.embedding_dim = head.softmax.n_classes, head.softmax.in_features

    @property
    def weight(self) -> Float[Tensor, "V H"]:
        """All vectors, as they are now."""
        (head,) = self._of
        vectors: Tensor = self(torch.arange(self.num_embeddings, device=_weight(head.softmax.head).device))
        return vectors

    def forward(self, tokens: Int[Tensor, "*B"]) -> Float[Tensor, "*B H"]:
        """Each token's vector."""
        (head,) = self._of
        vectors: Tensor = head.vectors(tokens)
        return vectors


def _wide(x: Tensor) -> Tensor:
    """Logits that are precise enough to be normalised."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _weight(layer: nn.Module) -> Tensor:
    """A layer's weight itself, also where a plan has put something before it that multiplies faster."""
    weight = layer._parameters["weight"]
    assert weight is not None
    return weight
