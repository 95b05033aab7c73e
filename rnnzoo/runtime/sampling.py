"""What is done to logits before a token is drawn from them, in NumPy.

Everything is computed in float32, the cumulative sums in float64, so that a tiny temperature or a tiny `top_p` is safe
and the same logits and seed give the same token wherever the model runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..errors import UserError
from ..ranges import Count, NonNegative, Share

__all__ = [
    "NOT_NUMBERS",
    "SAMPLING_FIELDS",
    "SMALLEST_TEMPERATURE",
    "Logits",
    "SamplingConfig",
    "SamplingFields",
    "check_numbers",
    "drawn",
    "filtered",
    "sampling_of",
]

NOT_NUMBERS = "the model's logits are not numbers (NaN or infinite): its training diverged or its weights are damaged"

SMALLEST_TEMPERATURE = 1e-30
"""What a smaller one is taken for: its reciprocal is still finite in float32."""

Logits: TypeAlias = NDArray[np.float32]
"""(B, V) float32."""


@dataclass(frozen=True)
class SamplingConfig(Config):
    """What is done to a distribution before a token is drawn from it, in this order.

    Args:
        temperature: divides the logits; 0 is greedy: the most probable token.
        top_k: keeps the k most probable tokens; 0, or more than there are, keeps all.
        top_p: keeps the fewest most probable tokens that together hold this share of what is left
            (nucleus sampling, Holtzman et al. 2020); 1 keeps all. The first one always stays.
        min_p: drops tokens less probable than this share of the most probable one (Nguyen et al. 2024);
            0 keeps all.

    Raises:
        UserError: a value is out of range.
    """

    temperature: NonNegative = 1.0
    top_k: Count = 0
    top_p: Share = 1.0
    min_p: Share = 0.0


SAMPLING_FIELDS = tuple(field.name for field in fields(SamplingConfig))


class SamplingFields(TypedDict, total=False):
    """The fields of `SamplingConfig`, for functions that take each by its name."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float


def sampling_of(sampling: SamplingConfig | None, given: Mapping[str, Any]) -> SamplingConfig:
    """`sampling`, or the config of its fields as they were given by name, or the distribution as it is.

    Raises:
        TypeError: both are given, or a field that there is not. UserError: a value is out of range.
    """
    if sampling is not None and given:
        raise TypeError(f"sampling is given, and so are {', '.join(given)}: one or the other")
    for name in given:
        if name not in SAMPLING_FIELDS:
            raise TypeError(
                f"unexpected keyword argument {name!r}: {', '.join(SAMPLING_FIELDS)} say how a token is drawn"
            )
    return SamplingConfig(**given) if sampling is None else sampling


def filtered(scores: Logits, config: SamplingConfig) -> Logits:
    """The logits of the distribution that a token is drawn from.

    Args:
        scores: (B, V). config: what to do to them.

    Returns:
        (B, V), largest 0, -inf for tokens that are left out; at least one token is kept in each row, and ties are
        broken towards the smaller id.

    Raises:
        UserError: a row is NaN, +inf, or -inf throughout.
    """
    largest = scores.max(-1, keepdims=True)
    check_numbers(largest)
    scores = scores - largest
    if config.temperature == 0:
        return _top_k(scores, 1)
    if config.temperature != 1:
        scores /= np.float32(max(config.temperature, SMALLEST_TEMPERATURE))
    if 0 < config.top_k < scores.shape[-1]:
        scores = _top_k(scores, config.top_k)
    if config.top_p < 1:
        scores = _top_p(scores, config.top_p)
    if config.min_p > 0:  # the largest is 0, so this is relative to it
        scores[scores < math.log(config.min_p)] = -math.inf
    return scores


def drawn(scores: Logits, levels: NDArray[np.float64]) -> NDArray[np.int64]:
    """One token for each row: where its number in [0, 1) falls in the row's own cumulative distribution.

    Args:
        scores: (B, V), what `filtered` gave. levels: (B,).
    """
    heights = np.exp(scores, dtype=np.float64).cumsum(-1)
    # the first token whose height is *above* the level; it cannot be one of probability 0
    found: NDArray[np.int64] = (heights <= levels[:, None] * heights[:, -1:]).sum(-1)
    return found


def _top_k(scores: Logits, k: int) -> Logits:
    """The k largest of each row; of those that are equal to the last of them, the first ones."""
    last = np.partition(scores, -k, axis=-1)[:, -k, None]
    larger, equal = scores > last, scores == last
    room = k - larger.sum(-1, keepdims=True)
    return np.where(larger | (equal & (equal.cumsum(-1) <= room)), scores, np.float32(-math.inf))


def _top_p(scores: Logits, p: float) -> Logits:
    """The largest of each row that stand before, or on, the share p of its probability."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=-1)
    share = np.exp(ranked, dtype=np.float64)
    share /= share.sum(-1, keepdims=True)
    before = share.cumsum(-1) - share
    before[:, 0] = -1  # the first one always stays
    np.put_along_axis(scores, order, np.where(before < p, ranked, np.float32(-math.inf)), axis=-1)
    return scores


def check_numbers(largest: Any) -> None:
    """Raises `UserError` when the largest logits, an array or tensor of any form, are not numbers."""
    if not all(map(math.isfinite, largest.reshape(-1).tolist())):
        raise UserError(NOT_NUMBERS)
