"""What a tokenizer makes of a text that is there already: where it begins, what it lacks, and how it is shown."""

from __future__ import annotations

import unicodedata

from ..errors import UserError
from .base import Tokenizer
from .char import CharTokenizer
from .word import WordTokenizer

__all__ = ["escaped", "left_out", "start_token", "unknown_tokens"]


def start_token(tokenizer: Tokenizer) -> int:
    """The token that stands before a text when nothing else does: the line break, or else token 0.

    With the zero state it is a model's own beginning: an empty prompt starts there, and the first token of
    a scored text is predicted from there.
    """
    try:
        ids = tokenizer.encode("\n")
    except UserError:
        return 0
    return int(ids[0]) if len(ids) == 1 and tokenizer.decode(ids) == "\n" else 0


def left_out(tokenizer: Tokenizer, text: str) -> list[str]:
    """The different characters, or words, of `text` that ``encode(text, unknown="drop")`` leaves out."""
    if isinstance(tokenizer, WordTokenizer):
        return tokenizer.unknown_words(text)
    if isinstance(tokenizer, CharTokenizer) and tokenizer.nfc:
        text = unicodedata.normalize("NFC", text)
    return [c for c in dict.fromkeys(text) if len(tokenizer.encode(c, unknown="drop")) == 0]


def unknown_tokens(tokenizer: Tokenizer, text: str) -> int:
    """How many tokens of `text` are ``<unk>`` because the vocabulary lacks them; an ``<unk>`` in the text is none."""
    return len(tokenizer.encode(text)) - len(tokenizer.encode(text, unknown="drop"))


def escaped(token: str) -> str:
    r"""`token` on one line: what has no visible form as ``\n``, ``\xhh`` or ``\uhhhh``."""
    return "".join(c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in token)
