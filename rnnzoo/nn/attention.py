"""Attention: which steps of a memory a query looks at.

A memory is prepared once a sentence (`prepare`), then asked at every step. All kinds share one softmax; they differ in
how a query and a key are scored, and in what stands for a step.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from rnnzoo.config import Config
from rnnzoo.ranges import Size, SizeOrZero
from rnnzoo.shapes import Bool, Float, Tensor

__all__ = ["Attention", "AttentionConfig", "Memory"]


class Memory(NamedTuple):
    """What attention reads: one row of each a sentence, so that rows can be selected and repeated.

    Attributes:
        keys: (B, S, A), what queries are compared with.
        values: (B, S, E), what is read.
        mask: (B, S), True where the sentence has a step.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor


class AttentionConfig(Config, family="attention"):
    """A kind of attention."""

    @abstractmethod
    def build(self, query_size: int, memory_size: int) -> Attention:
        """The module.

        Args:
            query_size: features of a query. memory_size: features of a memory's step.

        Raises:
            ValueError: the sizes do not fit each other.
        """


class Attention(nn.Module):
    """Base of all kinds.

    Attributes:
        context_size: features of what is read.
    """

    context_size: int

    def prepare(self, memory: Float[Tensor, "B S E"], mask: Bool[Tensor, "B S"]) -> Memory:
        """What of the work depends on the memory alone."""
        return Memory(self.keys(memory), memory, mask)

    @abstractmethod
    def keys(self, memory: Float[Tensor, "B S E"]) -> Float[Tensor, "B S A"]:
        """What stands for each step."""

    @abstractmethod
    def scores(self, query: Float[Tensor, "B T H"], keys: Float[Tensor, "B S A"]) -> Float[Tensor, "B T S"]:
        """How well each query and each key fit."""

    def forward(
        self, query: Float[Tensor, "B T H"], memory: Memory
    ) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B T S"]]:
        """The context of each query, and the weights it was read with: they sum to 1 over the steps of the mask."""
        weights = masked_softmax(self.scores(query, memory.keys), memory.mask[:, None])
        return weights @ memory.values, weights


def masked_softmax(scores: Tensor, mask: Bool[Tensor, "..."]) -> Tensor:
    """The softmax over the last axis, exactly zero where `mask` is False; all zero where it is False throughout."""
    scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1).masked_fill(~mask, 0.0)


@dataclass(frozen=True)
class DotConfig(AttentionConfig, name="dot"):
    """score(q, k) = q . k (Luong et al. 2015, arXiv:1508.04025); both have one size."""

    def build(self, query_size: int, memory_size: int) -> Attention:
        return Dot(query_size, memory_size, 1.0)


@dataclass(frozen=True)
class ScaledConfig(AttentionConfig, name="scaled"):
    """score(q, k) = q . k / sqrt(size) (Vaswani et al. 2017, arXiv:1706.03762); both have one size."""

    def build(self, query_size: int, memory_size: int) -> Attention:
        return Dot(query_size, memory_size, query_size**-0.5)


class Dot(Attention):
    """A dot product, times a constant."""

    def __init__(self, query_size: int, memory_size: int, scale: float) -> None:
        super().__init__()
        if query_size != memory_size:
            raise ValueError(
                f"attention: a dot product needs one size, but the decoder has {query_size} and the encoder "
                f"{memory_size} features; 'general' has none of that"
            )
        self.scale, self.context_size = scale, memory_size

    def keys(self, memory: Tensor) -> Tensor:
        return memory

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return (query * self.scale) @ keys.transpose(1, 2)


@dataclass(frozen=True)
class GeneralConfig(AttentionConfig, name="general"):
    """score(q, k) = q^T W k (Luong et al. 2015, arXiv:1508.04025)."""

    def build(self, query_size: int, memory_size: int) -> Attention:
        return General(query_size, memory_size)


class General(Attention):
    """A bilinear form; W is applied to the memory, once a sentence."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory_size, query_size, bias=False)
        self.context_size = memory_size

    def keys(self, memory: Tensor) -> Tensor:
        keys: Tensor = self.key(memory)
        return keys

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return query @ keys.transpose(1, 2)


@dataclass(frozen=True)
class AdditiveConfig(AttentionConfig, name="additive"):
    """score(q, k) = v . tanh(W q + U k) (Bahdanau et al. 2015, arXiv:1409.0473).

    Args:
        size: features of what tanh is taken of; 0 for those of a query.
    """

    size: SizeOrZero = 0

    def build(self, query_size: int, memory_size: int) -> Attention:
        return Additive(query_size, memory_size, self.size or query_size)


class Additive(Attention):
    """One hidden layer between a query and a key."""

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(query_size, size), nn.Linear(memory_size, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)
        self.context_size = memory_size

    def keys(self, memory: Tensor) -> Tensor:
        keys: Tensor = self.key(memory)
        return keys

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        scores: Tensor = self.score(torch.tanh(self.query(query)[:, :, None] + keys[:, None]))
        return scores.squeeze(-1)


@dataclass(frozen=True)
class MultiHeadConfig(AttentionConfig, name="multi_head"):
    """Several scaled dot products beside each other (Vaswani et al. 2017, arXiv:1706.03762).

    Args:
        heads: how many; they share the features of a query.
    """

    heads: Size = 4

    def build(self, query_size: int, memory_size: int) -> Attention:
        return MultiHead(query_size, memory_size, self.heads)


class MultiHead(Attention):
    """Each head has projections of its own; the weights that are returned are their mean."""

    def __init__(self, query_size: int, memory_size: int, heads: int) -> None:
        super().__init__()
        if query_size % heads:
            raise ValueError(f"attention: {query_size} features cannot be shared by {heads} heads")
        self.heads, self.context_size = heads, query_size
        self.query, self.output = nn.Linear(query_size, query_size), nn.Linear(query_size, query_size)
        self.key, self.value = nn.Linear(memory_size, query_size), nn.Linear(memory_size, query_size)

    def prepare(self, memory: Tensor, mask: Tensor) -> Memory:
        return Memory(self.key(memory), self.value(memory), mask)

    def keys(self, memory: Tensor) -> Tensor:
        keys: Tensor = self.key(memory)
        return keys

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """One (B, heads, T, S) score a head."""
        q, k = self._split(self.query(query)), self._split(keys)
        scores: Tensor = (q * q.size(-1) ** -0.5) @ k.transpose(-1, -2)
        return scores

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        weights = masked_softmax(self.scores(query, memory.keys), memory.mask[:, None, None])
        read = (weights @ self._split(memory.values)).transpose(1, 2).flatten(2)
        context: Tensor = self.output(read)
        return context, weights.mean(1)

    def _split(self, x: Float[Tensor, "B T A"]) -> Float[Tensor, "B heads T D"]:
        return x.view(*x.shape[:-1], self.heads, -1).transpose(1, 2)
