"""Models of one size: the hidden size at which a network has a given number of parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch

from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModelConfig
from rnnzoo.text import Tokenizer

__all__ = ["count_parameters", "fit_hidden_size"]

COARSE = 8
"""Every cell can have a multiple of so many units, whatever heads and blocks they are split into."""


def count_parameters(config: LanguageModelConfig, tokenizer: Tokenizer) -> int:
    """The trained numbers of the model that `config` describes; nothing is allocated to count them."""
    with torch.device("meta"):
        return config.build(tokenizer).num_parameters


def fit_hidden_size(count: Callable[[int], int], budget: int) -> int:
    """The hidden size whose number of parameters is nearest to `budget`.

    Args:
        count: hidden size to number of parameters, which grows with it; a `ValueError` says that no network has that
            size (say, it cannot be split into heads), which happens to no multiple of 8.
        budget: parameters of the whole model.

    Raises:
        UserError: the smallest network is larger than the budget by more than a tenth.
    """
    above = COARSE
    while count(above) < budget:
        above *= 2
    below = above // 2
    while above - below > COARSE:
        middle = (below + above) // (2 * COARSE) * COARSE
        below, above = (middle, above) if count(middle) < budget else (below, middle)
    counts = {}
    for size in range(1 if above == COARSE else below, above + 1):
        try:
            counts[size] = count(size)
        except ValueError:
            continue
    best = min(counts, key=lambda size: abs(counts[size] - budget))
    if counts[best] > 1.1 * budget:
        raise UserError(f"{budget:,} parameters are too few: with {best} units there are {counts[best]:,}")
    return best
