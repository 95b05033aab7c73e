"""Texts as flat arrays of ids, encoded once and memory-mapped from then on.

A file of the cache is a ``.npy`` with 32 more bytes at its end: the sha256 of all before. Its name is the sha256
of the text, the tokenizer and this format, so it never goes stale; nothing is ever removed but by the user.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from rnnzoo.data.places import cache_root
from rnnzoo.data.shards import TokenShards
from rnnzoo.files import write_durably
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import Ids, Unknown, id_dtype

__all__ = ["cache_file", "encoded", "encoded_sentences"]

_FORMAT = "rnnzoo tokens 2"
_DIGEST = 32
_BLOCK = 1 << 22
_SMALL = 1 << 16  # characters: below, encoding is quicker than a file
_SENTENCES = 1 << 14  # encoded at a time: bounds the memory beside the result


def encoded(text: str | TokenShards, tokenizer: Tokenizer, *, unknown: Unknown = "error") -> Ids:
    """The ids of `text` (T,), in the smallest dtype that holds them; read-only where they are mapped.

    Tokens that are kept as such are what they are, if they are those of `tokenizer`. Long texts are kept in ``tokens/``
    of the cache folder. A damaged file there is written anew, a folder that cannot be written is done without.

    Args:
        text: any text.
        tokenizer: what encodes it.
        unknown: as in `Tokenizer.encode`.

    Raises:
        UserError: the tokenizer does not know a character, or is not the one of the tokens.
    """
    if isinstance(text, TokenShards):
        return cast(Ids, text.for_tokenizer(tokenizer))  # read as an array is
    if len(text) < _SMALL:
        return tokenizer.encode(text, unknown=unknown)
    path = cache_file(text, tokenizer, unknown=unknown)
    return _kept(path, id_dtype(tokenizer.vocab_size), lambda: tokenizer.encode(text, unknown=unknown))


def encoded_sentences(sentences: Sequence[str], tokenizer: Tokenizer, *, unknown: Unknown = "error") -> Ids:
    """The ids of all `sentences` in one row, each sentence ended by the boundary, whose id is the vocabulary's size.

    Kept as those of a text are.

    Args:
        sentences: any strings; a newline in one is a character like others.
        tokenizer: what encodes them, each by itself.
        unknown: as in `Tokenizer.encode`.

    Raises:
        UserError: the tokenizer does not know a character.
    """
    dtype = id_dtype(tokenizer.vocab_size + 1)

    def encode() -> Ids:
        parts = [np.empty(0, dtype)]
        for start in range(0, len(sentences), _SENTENCES):
            ids = tokenizer.encode_all(sentences[start : start + _SENTENCES], unknown=unknown)
            ends = np.cumsum([len(one) for one in ids])
            parts.append(np.insert(np.concatenate(ids).astype(dtype), ends, tokenizer.vocab_size))
        return np.concatenate(parts)

    if sum(map(len, sentences)) < _SMALL:
        return encode()
    blocks = (sentences[start : start + _SENTENCES] for start in range(0, len(sentences), _SENTENCES))
    # No UTF-8 has the byte FF, so other cuts are other names.
    data = (b"".join(one.encode("utf-8", "surrogatepass") + b"\xff" for one in block) for block in blocks)
    return _kept(_file(["sentences", unknown, tokenizer.to_dict()], data), dtype, encode)


def cache_file(text: str, tokenizer: Tokenizer, *, unknown: Unknown = "error") -> Path:
    """Where the ids of `text` are kept."""
    return _file([unknown, tokenizer.to_dict()], _utf8(text))


def _file(how: list[Any], data: Iterable[bytes]) -> Path:
    key = hashlib.sha256(json.dumps([_FORMAT, *how], sort_keys=True).encode())
    for block in data:
        key.update(block)
    return cache_root() / "tokens" / f"{key.hexdigest()}.npy"


def _kept(path: Path, dtype: np.dtype[Any], encode: Callable[[], Ids]) -> Ids:
    """What `path` holds, mapped; written first where it is not there."""
    ids = _read(path, dtype)
    if ids is not None:
        return ids
    fresh = encode()
    try:
        _write(path, fresh)
    except OSError:
        return fresh
    ids = _read(path, dtype)
    return fresh if ids is None else ids


def _utf8(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), _BLOCK):
        yield text[start : start + _BLOCK].encode("utf-8", "surrogatepass")


def _read(path: Path, dtype: np.dtype[Any]) -> Ids | None:
    """The ids in the file, mapped; None if there is none, or it is not whole."""
    try:
        whole = np.memmap(path, np.uint8, "r")
        if hashlib.sha256(whole[:-_DIGEST].data).digest() != whole[-_DIGEST:].tobytes():
            return None
        ids: Ids = np.load(path, mmap_mode="r", allow_pickle=False)  # only now: its parser trips over damage
    except (OSError, ValueError):  # no file, or an empty one
        return None
    return ids if ids.ndim == 1 and ids.dtype == dtype else None


class _Hashing:
    """Passes on what is written to `file`, and hashes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)


def _write(path: Path, ids: Ids) -> None:
    """Whole or not at all: other processes may read, or write the same."""

    def fill(file: IO[bytes]) -> None:
        hashing = _Hashing(file)
        np.save(hashing, ids, allow_pickle=False)
        file.write(hashing.digest.digest())

    write_durably(path, fill)
