"""Which pairs of sentences are worth training on, and what was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rnnzoo.config import Config
from rnnzoo.errors import UserError

__all__ = ["CleaningConfig", "Pairs", "clean_pairs", "plain_spaces"]

Pairs = tuple[list[str], list[str]]
"""Source sentences and target sentences, side by side."""

_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")  # soft hyphen, zero-width spaces


@dataclass(frozen=True)
class CleaningConfig(Config):
    """Rules for training pairs; pairs to score on are only given plain spaces, none is ever left out.

    Args:
        max_chars: sentences with more characters are left out, with their other side.
        max_ratio: so are pairs of which one side has more than so many times the characters of the other, 20 being
            added to each, since short sentences differ more.
        duplicates: pairs that are there already may stay.
    """

    max_chars: int = 1000
    max_ratio: float = 4.0
    duplicates: bool = True

    def __post_init__(self) -> None:
        if self.max_chars < 1 or self.max_ratio < 1:
            raise ValueError("max_chars and max_ratio must be at least 1")


def plain_spaces(sentence: str) -> str:
    """One plain space between words, whatever stood there (U+00A0, U+202F, U+2009, tab), and none around them.

    What takes no space (U+200B, U+00AD, U+FEFF) goes.
    """
    return " ".join(_INVISIBLE.sub("", sentence).split())


def clean_pairs(pairs: Pairs, config: CleaningConfig) -> tuple[Pairs, Counter[str]]:
    """The pairs that `config` lets pass, with plain spaces, and how many went for which reason."""
    sources, targets = list[str](), list[str]()
    dropped: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for source, target in zip(*map(_spaced, pairs), strict=True):
        if reason := _fault(source, target, config):
            dropped[reason] += 1
        elif not config.duplicates and (source, target) in seen:
            dropped["duplicate"] += 1
        else:
            sources.append(source)
            targets.append(target)
            if not config.duplicates:
                seen.add((source, target))
    return (sources, targets), dropped


def _spaced(sentences: Sequence[str]) -> list[str]:
    return [plain_spaces(sentence) for sentence in sentences]


def _fault(source: str, target: str, config: CleaningConfig) -> str:
    if not source or not target:
        return "blank on one side" if source or target else "blank"
    shorter, longer = sorted((len(source), len(target)))
    if longer > config.max_chars:
        return f"longer than {config.max_chars} characters"
    return "of unlike length" if longer + 20 > config.max_ratio * (shorter + 20) else ""


def describe(dropped: Counter[str], total: int) -> str:
    """``"29,000 training pairs, 12 left out: 10 blank on one side, 2 of unlike length"``."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.most_common())
    left_out = f"{dropped.total():,} left out: {reasons}" if dropped else "none left out"
    return f"{total:,} training pairs, {left_out}"


def require_both_sides(pairs: Pairs, where: str) -> None:
    """Without cleaning, a line that is blank on one side only is an error.

    Raises:
        UserError: there is one.
    """
    for number, (source, target) in enumerate(zip(*pairs, strict=True), 1):
        if bool(source.strip()) != bool(target.strip()):
            side = "target" if source.strip() else "source"
            raise UserError(f"the {side} is blank, and only the {side}", path=where, position=f"line {number}")
