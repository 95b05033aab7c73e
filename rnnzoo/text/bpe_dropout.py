"""Byte-pair encoding that leaves merges out at random (Provilkov et al. 2020, arXiv:1910.13267).

In each round every merge that could be done is left out with probability p, and the most frequent of the others is
done; where none is left, the word stays in the pieces that it is in. A model so sees a word in other pieces each time,
and learns what the pieces have to do with each other. For training only: a text to score has its one encoding.

The `tokenizers` library can do this, but not from a seed: a run could then be neither repeated nor resumed exactly.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .base import Ids
from .bpe import BPETokenizer

__all__ = ["BPEDropout"]


class BPEDropout:
    """Draws encodings of texts.

    Args:
        tokenizer: whose merges they are. p: the share of merges that is left out; with 0, its own encoding.

    Raises:
        ValueError: `p` is not a probability below 1.
    """

    def __init__(self, tokenizer: BPETokenizer, p: float) -> None:
        if not 0 <= p < 1:
            raise ValueError("BPE dropout lies between 0 and 1")
        self.tokenizer, self.p = tokenizer, p
        self._ranks = {merge: rank for rank, merge in enumerate(tokenizer.merges)}

    def encode(self, text: str, random: np.random.Generator) -> Ids:
        """Ids whose `decode` is `text`; the same for the same state of `random`."""
        words, vocabulary = self.tokenizer.words(text), self.tokenizer.ids
        pieces = [piece for word in words for piece in self._pieces(word, random)]
        return np.array([vocabulary[piece] for piece in pieces], self.tokenizer.dtype)

    def _pieces(self, word: str, random: np.random.Generator) -> list[str]:
        pieces = list(word)
        while len(pieces) > 1:
            ranks = map(self._ranks.get, pairwise(pieces))
            kept = random.random(len(pieces) - 1) >= self.p
            todo = [(rank, place) for place, rank in enumerate(ranks) if rank is not None and kept[place]]
            if not todo:
                break
            _, place = min(todo)
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
        return pieces
