"""White space as translation reads it: sentences come with plain single spaces, in training and afterwards."""

from __future__ import annotations

import re

__all__ = ["plain_spaces"]

_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")  # soft hyphen, zero-width spaces


def plain_spaces(sentence: str) -> str:
    """One plain space between words, whatever stood there (U+00A0, U+202F, U+2009, tab), and none around them.

    What takes no space (U+200B, U+00AD, U+2060, U+FEFF) goes.
    """
    return " ".join(_INVISIBLE.sub("", sentence).split())
