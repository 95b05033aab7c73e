"""Sentences as ids: one flat array and where each sentence begins, encoded once and memory-mapped from then on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnzoo.data.cache import cache_file, read_array, write_array
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import id_dtype

__all__ = ["SentenceIds", "encode_sentences"]

_SMALL = 1000  # sentences: below, encoding is quicker than two files
_AT_ONCE = 1 << 16


class SentenceIds(NamedTuple):
    """Sentence i is ``ids[offsets[i] : offsets[i + 1]]``.

    Attributes:
        ids: all ids, in the smallest dtype that holds them. offsets: (sentences + 1,) int64.
    """

    ids: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Ids of each sentence."""
        return np.diff(self.offsets)


def encode_sentences(sentences: Sequence[str], tokenizer: Tokenizer) -> SentenceIds:
    """The ids of `sentences`; many are kept in ``tokens/`` of the cache folder, as `rnnzoo.data.encoded` keeps texts.

    Raises:
        UserError: the tokenizer does not know a character.
    """
    if len(sentences) < _SMALL:
        return _encode(sentences, tokenizer)
    path = cache_file("\n".join(sentences), tokenizer)
    places = path.with_suffix(".ids.npy"), path.with_suffix(".offsets.npy")
    dtypes = id_dtype(tokenizer.vocab_size), np.dtype(np.int64)
    kept = [read_array(place, dtype) for place, dtype in zip(places, dtypes, strict=True)]
    if kept[0] is None or kept[1] is None:
        fresh = _encode(sentences, tokenizer)
        try:
            for place, array in zip(places, fresh, strict=True):
                write_array(place, array)
        except OSError:
            return fresh
        kept = [read_array(place, dtype) for place, dtype in zip(places, dtypes, strict=True)]
        if kept[0] is None or kept[1] is None:
            return fresh
    return SentenceIds(kept[0], kept[1])


def _encode(sentences: Sequence[str], tokenizer: Tokenizer) -> SentenceIds:
    rows, sizes = [np.empty(0, id_dtype(tokenizer.vocab_size))], [np.zeros(1, np.int64)]
    for start in range(0, len(sentences), _AT_ONCE):
        found = tokenizer.encode_all(sentences[start : start + _AT_ONCE])
        rows.append(np.concatenate(found))
        sizes.append(np.fromiter(map(len, found), np.int64, len(found)))
    return SentenceIds(np.concatenate(rows), np.concatenate(sizes).cumsum())
