"""Texts with labels made for tests: what is told of is in the letters that a text has."""

from __future__ import annotations

import random
from pathlib import Path

LETTERS = {"plain": "abcd", "sharp": "efgh", "round": "abgh"}


def texts(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of one to four words and their labels, no text twice."""
    draw, found = random.Random(seed), dict[str, str]()
    while len(found) < count:
        label = draw.choice(list(LETTERS))
        words = ["".join(draw.choices(LETTERS[label], k=draw.randint(1, 5))) for _ in range(draw.randint(1, 4))]
        found.setdefault(" ".join(words), label)
    return list(found.items())


def write(folder: Path, count: int, seed: int = 0) -> Path:
    """The same as a table."""
    path = folder / "texts.csv"
    rows = "".join(f"{text},{label}\n" for text, label in texts(count, seed))
    path.write_text(f"text,label\n{rows}", encoding="utf-8")
    return path
