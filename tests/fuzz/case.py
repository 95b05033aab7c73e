"""What a case is, and the kinds there are."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "Case", "Change", "build", "kind"]

Change = tuple[str, Callable[[], Any]]
"""One thing that is made wrong: what, in words, and the doing of it."""


@dataclass
class Case:
    """A command on files that something is wrong with.

    Attributes:
        folder: where its files lie; the command runs there. stock: what it may copy from.
        draw: its random numbers, which are of `seed`. words: the command, or
        call: a function of the package, for what no command reaches.
        changes: what is made wrong, one after the other; each can be left out.
        stdin: what standard input has. file_size: the largest file that can be written, for a disk that is full.
        failing: a command whose checks may fail, so that it ends with 1.
    """

    folder: Path
    stock: Path
    draw: random.Random
    seed: int
    words: list[str] = field(default_factory=list)
    call: Callable[[], Any] | None = None
    changes: list[Change] = field(default_factory=list)
    stdin: bytes = b""
    file_size: int | None = None
    failing: bool = False

    def change(self, what: str, do: Callable[[], Any]) -> None:
        """Notes something to be made wrong."""
        self.changes.append((what, do))


Make = Callable[[Case], None]
KINDS: dict[str, tuple[Make, int]] = {}
"""Name to what makes a case of the kind, and its share."""


def kind(name: str, share: int) -> Callable[[Make], Make]:
    """Registers a kind."""

    def register(make: Make) -> Make:
        KINDS[name] = make, share
        return make

    return register


def build(name: str, seed: int, folder: Path, stock: Path, without: tuple[int, ...] = ()) -> Case:
    """The case of a kind and a seed, its files written; `without` leaves changes out by their numbers."""
    case = Case(folder, stock, random.Random(f"{name}:{seed}"), seed)
    KINDS[name][0](case)
    case.changes = [change for number, change in enumerate(case.changes) if number not in without]
    # What is no file comes last: nothing else can then be made of it.
    for number, (_, do) in enumerate(sorted(case.changes, key=lambda change: getattr(change[1], "last", False))):
        with contextlib.suppress(*((OSError, ValueError) if number else ())):  # the one before left nothing to change
            do()
    return case


def load_kinds() -> None:
    """Imports the modules of `kinds`."""
    from fuzz import kinds

    for module in pkgutil.iter_modules(kinds.__path__):
        importlib.import_module(f"fuzz.kinds.{module.name}")
