"""Fifty sentences of ours in each language that a translator of the zoo reads."""

from __future__ import annotations

import itertools

__all__ = ["sentences_for"]

_PARTS = {
    "en": (
        ["The old man", "My sister", "A young woman", "Our teacher", "The dog"],
        ["is reading", "has lost", "would like", "bought", "found"],
        ["a red book.", "two tickets for the train."],
    ),
    "de": (
        ["Der alte Mann", "Meine Schwester", "Eine junge Frau", "Unser Lehrer", "Der Hund"],
        ["sieht", "sucht", "findet", "trägt", "kauft"],
        ["ein rotes Buch.", "zwei kleine Taschen."],
    ),
    "numbers": (
        ["one hundred and", "two hundred and", "five hundred and", "eight hundred and", "nine hundred and"],
        ["twenty", "thirty", "forty", "seventy", "ninety"],
        ["-one", "-seven"],
    ),
}


def sentences_for(name: str) -> list[str]:
    """Those for the translator of the zoo with this name."""
    kind = "numbers" if ".numbers" in name else name.rsplit("-", 2)[-2][-2:]
    join = "{} {}{}" if kind == "numbers" else "{} {} {}"
    return [join.format(*parts) for parts in itertools.product(*_PARTS[kind])]
