"""Negative log-likelihood, perplexity and bits, from sums of nats and counts.

A mean of batch means, or of batch perplexities, depends on how the text was cut into batches; a sum
over all tokens divided by their number does not.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

__all__ = ["Totals", "bits", "perplexity"]


def bits(nats: float) -> float:
    """Nats as bits."""
    return nats / math.log(2)


def perplexity(nll: float) -> float:
    """``exp(nll)`` of nats per token; inf where that is beyond a float."""
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Totals:
    """The score of a text, or of a part of it; parts add up with ``+``.

    A figure per something of which none was counted is NaN.

    Attributes:
        nats: the sum of all tokens' surprisals, in nats.
        tokens: how many tokens were predicted.
        characters: how many characters (Unicode code points) they stand for; 0 if not known.
        bytes: how many bytes of UTF-8; 0 if not known.
    """

    nats: float = 0.0
    tokens: int = 0
    characters: int = 0
    bytes: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def nll(self) -> float:
        """Nats per token."""
        return _ratio(self.nats, self.tokens)

    @property
    def ppl(self) -> float:
        """Perplexity per token."""
        return perplexity(self.nll)

    @property
    def bits_per_token(self) -> float:
        """Bits per token."""
        return bits(self.nll)

    @property
    def bpc(self) -> float:
        """Bits per character."""
        return bits(_ratio(self.nats, self.characters))

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte."""
        return bits(_ratio(self.nats, self.bytes))

    def to_dict(self) -> dict[str, float]:
        """Sums, counts and figures under their names."""
        return {
            "tokens": self.tokens,
            "characters": self.characters,
            "bytes": self.bytes,
            "nats": self.nats,
            "nll": self.nll,
            "ppl": self.ppl,
            "bits_per_token": self.bits_per_token,
            "bpc": self.bpc,
            "bits_per_byte": self.bits_per_byte,
        }


def _ratio(total: float, count: int) -> float:
    return total / count if count else math.nan
