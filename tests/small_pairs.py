"""Pairs of a language made for tests: each syllable has one translation, and words come in the opposite order."""

from __future__ import annotations

import random
from pathlib import Path

SYLLABLES = {"ba": "no", "be": "mi", "da": "ku", "de": "tu", "ga": "ri", "gi": "so", "pa": "lu", "po": "xe"}


def sentence(draw: random.Random) -> list[str]:
    """One to six words of one or two syllables."""
    words = ["".join(draw.choices(list(SYLLABLES), k=draw.choice((1, 2)))) for _ in range(draw.randint(1, 6))]
    return words


def translation(words: list[str]) -> str:
    """What they mean."""
    cut = [[word[i : i + 2] for i in range(0, len(word), 2)] for word in words]
    return " ".join("".join(SYLLABLES[part] for part in parts) for parts in reversed(cut))


def pairs(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sources and targets, no source twice."""
    draw = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        words = sentence(draw)
        found.setdefault(" ".join(words), translation(words))
    return list(found), list(found.values())


def write(folder: Path, count: int, seed: int = 0) -> tuple[Path, Path]:
    """The same as two files."""
    files = folder / "pairs.src", folder / "pairs.tgt"
    for file, texts in zip(files, pairs(count, seed), strict=True):
        file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return files
