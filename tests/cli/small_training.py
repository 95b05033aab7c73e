"""A text to learn, and training so small that it takes no time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

NETWORK = ["--hidden_size", "5", "--num_layers", "1", "--embedding_dim", "4"]
SMALL = [*NETWORK, "--streams", "3", "--chunk_len", "15", "--epochs", "1"]
OWN = ["train", "char-lstm.own-text", "--text", "own.txt", *SMALL]
"""Sixty steps on own.txt."""


class Outcome(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def write_text(path: Path, characters: int = 3000) -> None:
    """After each letter comes one of two others, so that there is something to learn."""
    draw, place, text = random.Random(0), 0, []
    for _ in range(characters):
        text.append("abcdefgh ,.\n"[place])
        place = (2 * place + draw.randrange(2)) % 12
    path.write_text("".join(text), encoding="utf-8", newline="")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below, and what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
