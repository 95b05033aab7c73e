"""Text with spaces around its punctuation, as corpora of words have it, back into the way people write."""

from __future__ import annotations

from .base import StreamDecoder

__all__ = ["Detokenizer"]

_TO_THE_LEFT = frozenset([*".,;:!?%)]}", "...", "'s", "'re", "'ve", "'ll", "'d", "'m", "n't", "''", "-rrb-", "'"])
_TO_THE_RIGHT = frozenset(["$", "#", "(", "[", "{", "``", "-lrb-"])
_WRITTEN = {"``": "“", "''": "”", "-lrb-": "(", "-rrb-": ")", "@-@": "-", "@,@": ",", "@.@": "."}
_BETWEEN = frozenset(["@-@", "@,@", "@.@"])  # WikiText's marks for what stood inside a word or number


class Detokenizer(StreamDecoder):
    """Takes the spaces out that the Treebank's and WikiText's tokenisation put in, a word at a time.

    Args:
        words: gives one word for each id, with a space before it inside a line.
    """

    def __init__(self, words: StreamDecoder) -> None:
        self._words = words
        self._joins = False  # the last word takes no space behind it
        self._quoted = False  # a straight quotation mark is open

    def feed(self, token: int) -> str:
        piece = self._words.feed(token)
        spaced = piece.startswith(" ") and len(piece) > 1
        word = piece[1:] if spaced else piece
        left, right = word in _TO_THE_LEFT or word in _BETWEEN, word in _TO_THE_RIGHT or word in _BETWEEN
        if word == '"':
            left, right, self._quoted = self._quoted, not self._quoted, not self._quoted
        elif word == "\n":
            self._quoted = False
        space = " " if spaced and not (left or self._joins) else ""
        self._joins = right
        return space + _WRITTEN.get(word, word)

    def flush(self) -> str:
        self._joins = self._quoted = False
        return self._words.flush()
