"""Numbers that a translation has lost: what a small translator gets wrong in silence."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["lost_numbers"]

_GROUPED = re.compile(r"(?<=\d)[,.'\u00a0\u202f ](?=\d{3}(?!\d))")  # 1,250 and 1.250 and 1 250 are one number
_DIGITS = re.compile(r"\d+")


def lost_numbers(source: str, translation: str) -> list[str]:
    """The runs of digits of the source that the translation has not, in the source's order, each as often as it lacks.

    Separators of thousands do not count, and what is no digit between two numbers may change: ``7:45`` is in *7 h 45*.
    A number that the translation spells out (*sept*) counts as lost.
    """
    there = Counter(_numbers(translation))
    lost = []
    for number in _numbers(source):
        if there[number]:
            there[number] -= 1
        else:
            lost.append(number)
    return lost


def _numbers(text: str) -> list[str]:
    return _DIGITS.findall(_GROUPED.sub("", text))
