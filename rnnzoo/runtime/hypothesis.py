"""What a search is told and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..errors import UserError
from ..ranges import Beam, Count, Length, NonNegative

__all__ = ["Hypothesis", "SearchConfig", "row_limits"]

Number = TypeVar("Number", float, NDArray[Any])


class Hypothesis(NamedTuple):
    """One sequence that a search or a draw found.

    Attributes:
        tokens: ids, without the start and the end symbol.
        score: `log_prob`, normalised by the length penalty; what hypotheses are ranked by.
        log_prob: in nats, of all tokens (forced ones included) and of the end symbol where it ended.
        finished: it ended with the end symbol; otherwise it was cut at its limit, or nothing was allowed to follow.
    """

    tokens: tuple[int, ...]
    score: float
    log_prob: float
    finished: bool


@dataclass(frozen=True)
class SearchConfig(Config):
    """How a beam search goes.

    The length of a hypothesis counts the symbols that were predicted: its tokens and the end symbol.

    Args:
        beam: hypotheses that are followed at once in each row; 1 is greedy.
        nbest: so many are returned for each row, at most `beam`.
        length_penalty: what divides the log-probability: ``"none"``: 1, so that short ones win; ``"average"``:
            length ** alpha; ``"wu"``: ((5 + length) / 6) ** alpha (Wu et al. 2016, equation 14, which also has
            a coverage term).
        alpha: strength of the length penalty; 0 is none.
        no_repeat_ngram: no sequence of so many tokens occurs twice in a hypothesis; 0 allows all.
        min_len: at least so many tokens come before the end symbol.
        max_len: at most so many symbols, whatever the row's own limit; 0 leaves it to that.

    Raises:
        UserError: a value is out of range.
    """

    beam: Beam = 5
    nbest: Beam = 1
    length_penalty: Literal["none", "average", "wu"] = "average"
    alpha: NonNegative = 1.0
    no_repeat_ngram: Count = 0
    min_len: Length = 0
    max_len: Length = 0

    def __post_init__(self) -> None:
        if self.nbest > self.beam:
            raise UserError(f"nbest must be from 1 to the beam, {self.beam}, not {self.nbest}")
        if self.length_penalty not in ("none", "average", "wu"):
            raise UserError(f"length_penalty must be none, average or wu, not {self.length_penalty!r}")
        if 0 < self.max_len < self.min_len:
            raise UserError(f"min_len, {self.min_len}, is above max_len, {self.max_len}")

    def penalty(self, length: Number) -> Number:
        """What divides the log-probability of a hypothesis of `length` symbols, 1 or more; it never falls."""
        if self.length_penalty == "wu":
            length = (5 + length) / 6
        penalty: Number = length ** (0.0 if self.length_penalty == "none" else self.alpha)
        return penalty


def row_limits(max_lens: int | Sequence[int] | NDArray[Any], num: int, cap: int = 0) -> list[int]:
    """The limit of each of `num` rows, in symbols, none above `cap`.

    Raises:
        UserError: one is less than 1.
    """
    values = np.broadcast_to(np.asarray(max_lens), num).tolist()
    if short := [value for value in values if value < 1]:
        raise UserError(f"max_len must be 1 or more, not {short[0]}")
    return [min(value, cap) if cap else value for value in values]
