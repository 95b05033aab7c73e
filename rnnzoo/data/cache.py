"""Texts as flat arrays of ids, encoded once and memory-mapped from then on.

A file of the cache is a ``.npy`` with 32 more bytes at its end: the sha256 of all before. Its name is the sha256
of the text, the tokenizer and this format, so it never goes stale; nothing is ever removed but by the user.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from rnnzoo.data.places import cache_root
from rnnzoo.files import write_durably
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import Ids, Unknown, id_dtype

__all__ = ["cache_file", "encoded", "read_array", "write_array"]

_FORMAT = "rnnzoo tokens 2"
_DIGEST = 32
_BLOCK = 1 << 22
_SMALL = 1 << 16  # characters: below, encoding is quicker than a file


def encoded(text: str, tokenizer: Tokenizer, *, unknown: Unknown = "error") -> Ids:
    """The ids of `text` (T,), in the smallest dtype that holds them; read-only where they are mapped.

    Long texts are kept in ``tokens/`` of the cache folder. A damaged file there is written anew, a folder
    that cannot be written is done without.

    Args:
        text: any text.
        tokenizer: what encodes it.
        unknown: as in `Tokenizer.encode`.

    Raises:
        UserError: the tokenizer does not know a character.
    """
    if len(text) < _SMALL:
        return tokenizer.encode(text, unknown=unknown)
    path = cache_file(text, tokenizer, unknown=unknown)
    ids = read_array(path, id_dtype(tokenizer.vocab_size))
    if ids is not None:
        return ids
    fresh = tokenizer.encode(text, unknown=unknown)
    try:
        write_array(path, fresh)
    except OSError:
        return fresh
    ids = read_array(path, id_dtype(tokenizer.vocab_size))
    return fresh if ids is None else ids


def cache_file(text: str, tokenizer: Tokenizer, *, unknown: Unknown = "error") -> Path:
    """Where the ids of `text` are kept."""
    key = hashlib.sha256(json.dumps([_FORMAT, unknown, tokenizer.to_dict()], sort_keys=True).encode())
    for block in _utf8(text):
        key.update(block)
    return cache_root() / "tokens" / f"{key.hexdigest()}.npy"


def _utf8(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), _BLOCK):
        yield text[start : start + _BLOCK].encode("utf-8", "surrogatepass")


def read_array(path: Path, dtype: np.dtype[Any]) -> npt.NDArray[Any] | None:
    """The flat array in the file, mapped; None if there is none of this dtype, or it is not whole."""
    try:
        whole = np.memmap(path, np.uint8, "r")
        if hashlib.sha256(whole[:-_DIGEST].data).digest() != whole[-_DIGEST:].tobytes():
            return None
        array: npt.NDArray[Any] = np.load(
            path, mmap_mode="r", allow_pickle=False
        )  # only now: its parser trips over damage
    except (OSError, ValueError):  # no file, or an empty one
        return None
    return array if array.ndim == 1 and array.dtype == dtype else None


class _Hashing:
    """Passes on what is written to `file`, and hashes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Keeps an array in a file of the cache, whole or not at all: other processes may read, or write the same."""

    def fill(file: IO[bytes]) -> None:
        hashing = _Hashing(file)
        np.save(hashing, array, allow_pickle=False)
        file.write(hashing.digest.digest())

    write_durably(path, fill)
