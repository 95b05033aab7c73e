"""Sentences as ids, of which any rows can be had as one padded array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rnnzoo.data.cache import encoded_sentences
from rnnzoo.data.like_length import Rows
from rnnzoo.text import BPETokenizer, Tokenizer
from rnnzoo.text.base import Ids, Unknown
from rnnzoo.text.bpe_dropout import BPEDropout

__all__ = ["SentenceRows"]


class SentenceRows:
    """The sentences of a language, each ended by the boundary, in one row of ids."""

    def __init__(self, sentences: Sequence[str], tokenizer: Tokenizer, unknown: Unknown, dropout: float) -> None:
        self.boundary = tokenizer.vocab_size
        self.sentences = sentences
        self.dropout = BPEDropout(tokenizer, dropout) if dropout and isinstance(tokenizer, BPETokenizer) else None
        self.ids: Ids = encoded_sentences(sentences, tokenizer, unknown=unknown)
        ends = np.flatnonzero(self.ids == self.boundary) + 1
        self.starts = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if len(ends) else ends
        self.lengths = (ends - self.starts).astype(np.int32)

    def rows(self, rows: Rows, seed: tuple[int, ...] | None) -> tuple[Rows, npt.NDArray[np.int64]]:
        """The ids (B, T) of some sentences, padded with the boundary, and their lengths (B,), the boundary counted."""
        if self.dropout is not None and seed is not None:
            return self._drawn(rows, seed)
        lengths = self.lengths[rows].astype(np.int64)
        steps = np.minimum(np.arange(int(lengths.max())), lengths[:, None] - 1)  # past the end: the boundary again
        return self.ids[self.starts[rows][:, None] + steps].astype(np.int64), lengths

    def _drawn(self, rows: Rows, seed: tuple[int, ...]) -> tuple[Rows, npt.NDArray[np.int64]]:
        """The same in pieces that depend on the seed and the sentence, and not on the batch that it is in."""
        assert self.dropout is not None
        encoded = [self.dropout.encode(self.sentences[row], np.random.default_rng((*seed, row))) for row in rows]
        lengths = np.array([len(one) + 1 for one in encoded])
        ids = np.full((len(rows), int(lengths.max())), self.boundary)
        for row, one in zip(ids, encoded, strict=True):
            row[: len(one)] = one
        return ids, lengths
