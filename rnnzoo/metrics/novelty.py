"""How many words of a generated text the reference text does not have.

A good character model spells: most of its words are words of its training text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Novelty", "novelty", "vocabulary", "words"]

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")  # letters, with apostrophes inside


def words(text: str) -> list[str]:
    """The words of a text in order: runs of letters (apostrophes inside them stay), NFC, case-folded."""
    return [match.casefold() for match in _WORD.findall(unicodedata.normalize("NFC", text))]


def vocabulary(text: str) -> frozenset[str]:
    """All different words of a text, for repeated calls of `novelty`."""
    return frozenset(words(text))


@dataclass(frozen=True)
class Novelty:
    """Which words were new.

    Attributes:
        words: how many words the text has.
        new: the new ones and how often each occurs, the most frequent first.
    """

    words: int
    new: dict[str, int]

    @property
    def share(self) -> float:
        """The share of the words, each occurrence counted, that is new; 0 if there is no word."""
        return sum(self.new.values()) / self.words if self.words else 0.0

    def __str__(self) -> str:
        """One line: ``"12 of 180 words (6.7%) are not in the training text: thrunce 2, ..."``."""
        count = sum(self.new.values())
        line = f"{count} of {self.words} words ({self.share:.1%}) are not in the training text"
        shown = [word if times == 1 else f"{word} {times}x" for word, times in list(self.new.items())[:8]]
        return f"{line}: {', '.join(shown)}{', ...' if len(self.new) > 8 else ''}" if shown else line


def novelty(text: str, reference: str | Collection[str], *, cut: bool = False) -> Novelty:
    """Counts the words of `text` that `reference` does not have.

    Args:
        text: a generated text.
        reference: the text it was learnt from, or that text's `vocabulary`.
        cut: the text was cut off after so many characters: a word that runs up to its end may be half a
            word and is left out.
    """
    known = vocabulary(reference) if isinstance(reference, str) else reference
    found = words(text)
    if cut and found and _WORD.fullmatch(unicodedata.normalize("NFC", text)[-1:]):
        found.pop()
    new = Counter(word for word in found if word not in known)
    return Novelty(len(found), dict(new.most_common()))
