"""How the next token is drawn from logits.

Everything is computed on the CPU in float32 (the cumulative sums in float64), whatever precision and
device the model runs in, so that a tiny temperature or a tiny `top_p` is safe in half precision and the
same logits and seed give the same token on any device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnzoo.config import Config
from rnnzoo.decoding.seeds import fresh_seed
from rnnzoo.errors import UserError
from rnnzoo.ranges import Count, NonNegative, Share

__all__ = ["NOT_NUMBERS", "SamplingConfig", "filter_logits", "row_generators", "sample"]

NOT_NUMBERS = "the model's logits are not numbers (NaN or infinite): its training diverged or its weights are damaged"

_SMALLEST_TEMPERATURE = 1e-30  # its reciprocal is still finite in float32


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


def filter_logits(logits: Tensor, config: SamplingConfig) -> Tensor:
    """The logits of the distribution that `sample` draws from.

    Args:
        logits: (B, V), any floating-point type.
        config: what to do to them.

    Returns:
        (B, V) float32 on the CPU, largest 0, -inf for tokens that are left out; at least one token is
        kept in each row, and ties are broken towards the smaller id.

    Raises:
        UserError: a row is NaN, +inf, or -inf throughout.
    """
    return torch.from_numpy(_filtered(logits, config))


def sample(logits: Tensor, config: SamplingConfig, generators: Sequence[torch.Generator | None]) -> Tensor:
    """Draws one token for each row.

    A row takes one number in [0, 1) from its own generator and looks it up in its own cumulative
    distribution, so what a row draws does not depend on the rows beside it. Greedy takes none.

    Args:
        logits: (B, V).
        config: temperature and filters.
        generators: one CPU generator a row (see `row_generators`); None for a row whose token will not
            be used.

    Returns:
        (B,) int64, on the device of `logits`.

    Raises:
        UserError: a row is NaN, +inf, or -inf throughout.
    """
    if len(generators) != logits.size(0):
        raise ValueError(f"{logits.size(0)} rows need as many generators, not {len(generators)}")
    if config.temperature == 0:
        largest, ids = logits.detach().max(-1)
        _check(largest)
        return ids
    heights = np.exp(_filtered(logits, config), dtype=np.float64).cumsum(-1)
    drawn = [0.0 if g is None else torch.rand((), generator=g, dtype=torch.float64).item() for g in generators]
    level = np.array(drawn)[:, None] * heights[:, -1:]
    # the first token whose height is *above* the level; it cannot be one of probability 0
    return torch.from_numpy((heights <= level).sum(-1)).to(logits.device)


def row_generators(seed: int | None, num: int) -> list[torch.Generator]:
    """One generator for each of `num` rows, row i seeded with ``seed + i``; None takes a seed at random.

    PyTorch's global generator is neither read nor changed.
    """
    if seed is None:
        seed = fresh_seed()
    return [torch.Generator().manual_seed((seed + row) % 2**63) for row in range(num)]


# In NumPy: on a row of a few numbers a call of PyTorch's costs more than what it computes.

Logits: TypeAlias = NDArray[np.float32]
"""(B, V), largest 0."""


def _filtered(logits: Tensor, config: SamplingConfig) -> Logits:
    scores: Logits = logits.detach().to("cpu", torch.float32).numpy()
    largest = scores.max(-1, keepdims=True)
    _check(largest)
    scores = scores - largest
    if config.temperature == 0:
        return _top_k(scores, 1)
    if config.temperature != 1:
        scores /= np.float32(max(config.temperature, _SMALLEST_TEMPERATURE))
    if 0 < config.top_k < scores.shape[-1]:
        scores = _top_k(scores, config.top_k)
    if config.top_p < 1:
        scores = _top_p(scores, config.top_p)
    if config.min_p > 0:  # the largest is 0, so this is relative to it
        scores[scores < math.log(config.min_p)] = -math.inf
    return scores


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


def _check(largest: Any) -> None:
    """Raises `UserError` when the largest logits, an array or tensor of any form, are not numbers."""
    if not all(map(math.isfinite, largest.reshape(-1).tolist())):
        raise UserError(NOT_NUMBERS)
