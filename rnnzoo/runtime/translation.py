"""What a translator gives, with PyTorch or without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["Translation", "translate_lines"]


class Translation(NamedTuple):
    """A translation.

    Attributes:
        text: as people write it.
        tokens: its ids in the target's vocabulary, without the boundary.
        score: what translations of one sentence are ranked by: `log_prob` after the length penalty.
        log_prob: ln p(translation | source), in nats, the end counted.
        finished: the model ended it; otherwise it was cut at its limit.
    """

    text: str
    tokens: tuple[int, ...]
    score: float
    log_prob: float
    finished: bool


def translate_lines(
    translations: Callable[..., list[list[Translation]]], texts: str | Sequence[str], **options: Any
) -> list[str]:
    """The best translation of each text, whose lines are sentences: its translation has as many.

    Args:
        translations: gets the sentences and the options. texts: any number, or a single one.
        options: those of `translations`; a prefix for each text begins its first line.
    """
    each = [text.split("\n") for text in ([texts] if isinstance(texts, str) else texts)]
    prefix = options.get("prefix", "")
    if not isinstance(prefix, str) and len(prefix) == len(each):
        options["prefix"] = [
            p for one, lines in zip(prefix, each, strict=True) for p in (one, *[""] * (len(lines) - 1))
        ]
    found = iter(translations([line for lines in each for line in lines], **options))
    return ["\n".join(next(found)[0].text for _ in lines) for lines in each]
