"""fastText's ``.bin`` models (Bojanowski et al. 2017): vectors of words and of character n-grams.

A word's vector is the mean of its own row of the input matrix and of the rows of its n-grams; a word that the model
has not seen has the n-grams alone. That is what fastText's ``.vec`` files hold. There is a headerless format of 2016,
and one that begins with a magic number and a version.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnzoo.embeddings.source import ByteReader, Source
from rnnzoo.embeddings.table import SUBWORD, Table, as_bytes, forms
from rnnzoo.embeddings.text import BadTokens, check_dim, is_utf8

__all__ = ["MAGIC", "ngram_hashes", "read_fasttext"]

MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_SUPERVISED = 3
_EOS = b"</s>"
_MAX_WORD = 1 << 16  # bytes
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Header:
    """What a model says of itself. version: 0 for the headerless format; words: number of rows before the n-grams'."""

    version: int
    dim: int
    bucket: int
    minn: int
    maxn: int
    entries: int
    words: int


def ngram_hashes(word: str, minn: int, maxn: int) -> Iterator[int]:
    """The hashes of a word's n-grams of `minn` to `maxn` characters, those of ``<word>`` with its brackets.

    They are FNV-1a of the UTF-8 bytes, taken as *signed* numbers, as fastText's C++ does; a lone bracket is none.
    """
    characters = [tuple(byte | 0xFFFFFF00 if byte > 127 else byte for byte in as_bytes(c)) for c in f"<{word}>"]
    last = len(characters) - 1
    for start in range(len(characters)):
        value = 2166136261
        for length, character in enumerate(characters[start : start + maxn], 1):
            for byte in character:
                value = (value ^ byte) * 16777619 & 0xFFFFFFFF
            if length >= minn and not (length == 1 and start in (0, last)):
                yield value


def read_fasttext(source: Source, table: Table, dim: int | None, bad_tokens: BadTokens) -> None:
    """Puts together the vectors of all of the vocabulary's words, unseen ones from their n-grams.

    The input matrix is read once, in blocks, and of it the rows of these words and n-grams are kept; the output matrix
    is not needed.

    Args:
        source: the file. table: takes the vectors. dim: D, where known. bad_tokens: what becomes of words that are
            not UTF-8.

    Raises:
        UserError: another format or version, a quantised model, sizes that do not agree with each other or with the
            file's, a file that ends early or late, a number that is not finite.
    """
    data = ByteReader(source)
    header = _read_header(data, dim)
    ids = _read_words(data, header, table, bad_tokens)
    if header.version and data.take(1, "the input matrix") != b"\0":
        raise source.error("is a quantised model: vectors of full precision are needed", byte=data.at - 1)
    rows = header.words + header.bucket
    shape = data.unpack("qq", "the input matrix")
    # Supervised models may have no n-grams, and older ones then have no rows for them.
    if shape[1] != header.dim or shape[0] not in ((rows,) if header.maxn else (rows, header.words)):
        raise source.error(
            f"the input matrix is {shape[0]:,} x {shape[1]:,}; the header says {rows:,} x {header.dim:,}",
            byte=data.at - 16,
        )
    if 4 * shape[0] * shape[1] > source.most - data.at:
        raise source.error(
            f"the input matrix takes {4 * shape[0] * shape[1]:,} bytes, the file has {source.most - data.at:,} more: "
            "it is truncated",
            byte=data.at,
        )
    table.begin(header.dim)
    _average(data, shape[0], table, *_parts(header, ids, table))
    _read_output(data, header)


def _read_header(data: ByteReader, dim: int | None) -> _Header:
    version, what = 0, "the header"
    first = data.take(4, what)
    if first == MAGIC:
        (version,) = data.unpack("i", what)
        if version not in _VERSIONS:
            raise data.source.error(f"is fastText's version {version}; 11, 12 and the headerless one are read", byte=4)
        first = data.take(4, what)
    (size,) = struct.unpack("<i", first)
    check_dim(data.source, size, dim, "the header claims")
    # ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate; then t, a double
    *_, model, bucket, minn, maxn, _ = data.unpack("11i", what)
    data.take(8, what)
    entries, words, labels = data.unpack("3i", what)
    data.take(8, what)  # running words
    pruned = data.unpack("q", what)[0] if version else 0
    if pruned > 0:
        raise data.source.error("is a pruned, quantised model: vectors of full precision are needed")
    if version == 11 and model == _SUPERVISED:
        maxn = 0  # n-grams of such models were written but not used
    left = data.source.most - data.at
    sound = words + labels == entries and min(words, labels, bucket, minn, maxn) >= 0
    if not sound or entries < 1 or 10 * entries > left or 4 * size * (words + (bucket if maxn else 0)) > left:
        raise data.source.error(
            f"the header claims {entries:,} entries ({words:,} words, {labels:,} labels), {bucket:,} buckets, "
            f"n-grams of {minn} to {maxn}, {size} numbers for each, which does not fit the {left:,} bytes that follow"
        )
    return _Header(version, size, bucket, minn, maxn if bucket else 0, entries, words)


def _read_words(data: ByteReader, header: _Header, table: Table, bad_tokens: BadTokens) -> dict[bytes, int]:
    """The rows of the words that the table wants. An entry is a word, NUL, its count (8 bytes) and its type (1)."""
    ids: dict[bytes, int] = {}
    for entry in range(header.entries):
        what, begin = f"entry {entry + 1:,} of {header.entries:,}", data.at
        token = data.until(b"\0", _MAX_WORD, what)
        label = data.take(9, what)[8]
        if label != (entry >= header.words):  # words come first
            raise data.source.error(f"{what} is of type {label}: damaged", byte=data.at - 1)
        if label:
            continue
        if not (token.isascii() or is_utf8(token)):
            if bad_tokens == "error":
                shown = f"the word {token[:40]!r} is not UTF-8 (bad_tokens='skip' passes such words over)"
                raise data.source.error(shown, byte=begin)
            table.skip()
        elif table.wants(token):
            ids[token] = entry
    return ids


def _parts(header: _Header, ids: dict[bytes, int], table: Table) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Which rows of the input matrix each row of the table is the mean of, all in one array, and how many they are."""
    parts, counts = array("q"), []
    for row, word in enumerate(table.vocabulary):
        spellings = forms(word, table.case_fallback)
        rank = next((i for i, form in enumerate(spellings) if as_bytes(form) in ids), None)
        form = word if rank is None else spellings[rank]
        before = len(parts)
        if rank is not None:
            parts.append(ids[as_bytes(form)])
        if header.maxn and (as_bytes(form) != _EOS or header.version == 0):
            hashes = ngram_hashes(form, header.minn, header.maxn)
            parts.extend(header.words + value % header.bucket for value in hashes)
        counts.append(len(parts) - before)
        if counts[-1]:
            table.how[row] = SUBWORD if rank is None else rank
    return np.frombuffer(parts, np.int64), counts


def _average(data: ByteReader, total: int, table: Table, parts: npt.NDArray[np.int64], counts: list[int]) -> None:
    """Reads the input matrix, keeps the rows that are needed, and gives each row of the table the mean of its parts.

    The sums are float32 and in fastText's order, so that every digit of its ``.vec`` files comes out.
    """
    dim = table.matrix.shape[1]
    needed, places = np.unique(parts, return_inverse=True)
    kept = np.empty((len(needed), dim), np.float32)
    step = max(_BLOCK // (4 * dim), 1)
    for start in range(0, total, step):
        rows = min(step, total - start)
        begin = data.at
        block = np.frombuffer(data.take(4 * dim * rows, "the input matrix"), "<f4").reshape(rows, dim)
        first, last = np.searchsorted(needed, (start, start + rows))
        kept[first:last] = block[needed[first:last] - start]
        if not np.isfinite(kept[first:last]).all():
            raise data.source.error("a row of the input matrix that begins here or later is not finite", byte=begin)
    end = 0
    for row, count in enumerate(counts):
        begin, end = end, end + count
        if count:
            table.matrix[row] = kept[places[begin:end]].sum(0) * np.float32(1 / count)


def _read_output(data: ByteReader, header: _Header) -> None:
    """Passes over the output matrix, with which the file has to end."""
    if header.version and data.take(1, "the output matrix") != b"\0":
        raise data.source.error("has a quantised output matrix: vectors of full precision are needed", byte=data.at - 1)
    rows, columns = data.unpack("qq", "the output matrix")
    left = 4 * rows * columns
    if rows < 0 or columns != header.dim or left > data.source.most - data.at:
        raise data.source.error(
            f"the output matrix, {rows:,} x {columns:,}, does not fit the bytes that follow", byte=data.at - 16
        )
    while left:
        left -= len(data.take(min(left, _BLOCK), "the output matrix"))
    data.end("the output matrix")
