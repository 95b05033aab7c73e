"""Which pairs of sentences are worth training on, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rnnzoo.config import Config
from rnnzoo.ranges import Count, NonNegative
from rnnzoo.text.spaces import plain_spaces

__all__ = ["LONGEST_SCORED", "CleaningConfig", "Pairs", "clean_pairs", "describe", "plain_spaces"]

Pairs = tuple[list[str], list[str]]
"""Source sentences and target sentences, side by side."""


@dataclass(frozen=True)
class CleaningConfig(Config):
    """Rules for training pairs. Pairs to score on are left out only where a side is blank or has more than
    4,000 characters, else no two figures compare.

    Args:
        max_chars: sentences with more characters are left out, with their other side.
        max_ratio: so are pairs of which one side has more than so many times the characters of the other, 20 being
            added to each, since short sentences differ more.
        duplicates: pairs that are there already may stay.
    """

    max_chars: Count = 1000
    max_ratio: NonNegative = 4.0
    duplicates: bool = True

    def __post_init__(self) -> None:
        if self.max_chars < 1 or self.max_ratio < 1:
            raise ValueError("max_chars and max_ratio must be at least 1")


LONGEST_SCORED = 4000
"""Characters of a sentence to score on: what is longer is none, and would be searched for minutes."""

_LENIENT = CleaningConfig(max_chars=LONGEST_SCORED, max_ratio=1e6)


def clean_pairs(pairs: Pairs, config: CleaningConfig | None) -> tuple[Pairs, Counter[str]]:
    """The pairs that pass, with plain spaces, and how many went for which reason.

    Args:
        pairs: the sentences.
        config: the rules of training pairs; None for pairs to score on.
    """
    rules = _LENIENT if config is None else config
    sources, targets = list[str](), list[str]()
    dropped: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for pair in zip(*pairs, strict=True):
        source, target = map(plain_spaces, pair)
        if reason := _fault(source, target, rules):
            dropped[reason] += 1
        elif not rules.duplicates and (source, target) in seen:
            dropped["repeated"] += 1
        else:
            sources.append(source)
            targets.append(target)
            if not rules.duplicates:
                seen.add((source, target))
    return (sources, targets), dropped


def describe(total: int, dropped: Mapping[str, Counter[str]]) -> str:
    """``"29,000 training pairs, 12 left out: 10 blank on one side, 2 of unlike length"``, other parts after it.

    Args:
        total: the training pairs that stay. dropped: what went, and why, by part.
    """
    said = {role: _left_out(counts) for role, counts in dropped.items() if counts}
    parts = [f"{total:,} training pairs, {said.pop('train', 'none left out')}"]
    return "; ".join([*parts, *(f"{role}: {text}" for role, text in said.items())])


def _left_out(counts: Counter[str]) -> str:
    return f"{counts.total():,} left out: " + ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())


def _fault(source: str, target: str, rules: CleaningConfig) -> str:
    if not source or not target:
        return "blank on one side" if source or target else "blank"
    shorter, longer = sorted((len(source), len(target)))
    if longer > rules.max_chars:
        return f"longer than {rules.max_chars:,} characters"
    return "of unlike length" if longer + 20 > rules.max_ratio * (shorter + 20) else ""
