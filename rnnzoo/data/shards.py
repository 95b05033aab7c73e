"""Corpora that are kept as tokens: folders of shards that `rnnzoo data build` makes, read where they lie on the disk.

    index.json          what there is: splits, their shards, hashes, where the text was from
    tokenizer.json      what made the tokens
    train-00000.bin     token ids one after the other, little-endian, as wide as the vocabulary needs
    train-00001.bin     ...

A split is its shards joined: the same tokens in the same order as of the text in memory.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.files import read_json, sha256_file
from rnnzoo.ranges import Count
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import id_dtype

__all__ = ["INDEX", "TOKENIZER", "Shard", "ShardIndex", "TokenShards", "read_index"]

INDEX, TOKENIZER = "index.json", "tokenizer.json"
_FORMAT = "rnnzoo shards 1"
_OPEN = 512  # shards that are mapped at a time


@dataclass(frozen=True)
class Shard(Config):
    """One file of tokens.

    Args:
        file: its name. characters: of text in it. tokens: how many. sha256: of the file.
    """

    file: str
    characters: Count
    tokens: Count
    sha256: str

    def __post_init__(self) -> None:
        if os.path.basename(self.file) != self.file or self.file in ("", ".", ".."):
            raise ValueError(f"file: {self.file!r} is not a name in this folder")
        if min(self.characters, self.tokens) < 0:
            raise ValueError("characters and tokens cannot be negative")


@dataclass(frozen=True)
class ShardIndex(Config):
    """What ``index.json`` holds.

    Args:
        text: the name of the text. sha256: of all of it, as `Corpus.sha256`. split_rule: how it was split, in words.
        licence: what the text may be used for. tokenizer: the sha256 of tokenizer.json.
        tokenizer_config: how it was made of the text, or None where it was given.
        shard_characters: how long a shard is, at least. train, valid, test: their shards.
        format: of the folder.
    """

    text: str
    sha256: str
    split_rule: str
    licence: str
    tokenizer: str
    tokenizer_config: dict[str, Any] | None
    shard_characters: Count
    train: tuple[Shard, ...]
    valid: tuple[Shard, ...]
    test: tuple[Shard, ...] = ()
    format: str = _FORMAT

    def __post_init__(self) -> None:
        if self.format != _FORMAT:
            raise ValueError(f"format: {self.format!r:.40} is not one that this version reads")

    @property
    def splits(self) -> dict[str, tuple[Shard, ...]]:
        """Those that there are."""
        parts = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: shards for name, shards in parts.items() if shards}


class TokenShards:
    """A split's token ids (N,), on the disk: to be measured, sliced and indexed as an array of them would be.

    A shard is compared with its hash when it is first read, and mapped from then on.

    Args:
        folder: where the shards lie. shards: in order. tokenizer: what made them.

    Raises:
        UserError: a file is missing or has another size; once it is read, another hash.
    """

    ndim = 1

    def __init__(self, folder: Path, shards: Sequence[Shard], tokenizer: Tokenizer) -> None:
        self.folder, self.shards, self.tokenizer = folder, tuple(shards), tokenizer
        self.dtype = shard_dtype(tokenizer)
        self.starts: npt.NDArray[np.int64] = np.cumsum([0, *(shard.tokens for shard in shards)])
        self._checked: set[int] = set()
        self._map = functools.lru_cache(maxsize=_OPEN)(self._mapped)
        for shard in shards:
            check_size(folder / shard.file, shard.tokens * self.dtype.itemsize)

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def shape(self) -> tuple[int]:
        """(N,)."""
        return (len(self),)

    def __getitem__(self, places: Any) -> Any:
        """What an array gives: an id, a slice's ids, or those at an array of places."""
        if isinstance(places, slice):
            start, stop, step = places.indices(len(self))
            if step == 1:
                return self._range(start, max(stop, start))
            places = np.arange(start, stop, step)
        array = np.asarray(places)
        if array.ndim == 0:
            return self[array.reshape(1)][0]
        array = np.where(array < 0, array + len(self), array)
        if array.size and (array.min() < 0 or array.max() >= len(self)):
            raise IndexError(f"a place that {len(self):,} tokens do not have")
        found = np.empty(array.shape, self.dtype)
        if array.size:
            self._fill(array.reshape(-1, array.shape[-1]), found.reshape(-1, array.shape[-1]))
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All of it, in memory."""
        return np.asarray(self._range(0, len(self)), dtype)

    def check(self) -> None:
        """Reads every shard once, as reading its tokens does the first time.

        Raises:
            UserError: one is missing, damaged, or has tokens beyond the vocabulary.
        """
        for number in range(len(self.shards)):
            self._map(number)

    def for_tokenizer(self, tokenizer: Tokenizer) -> TokenShards:
        """Itself, as the ids that `tokenizer` would give.

        Raises:
            UserError: it is another one.
        """
        if tokenizer is not self.tokenizer and tokenizer != self.tokenizer:
            raise UserError(
                "these shards were made with another tokenizer than the model's: build them anew with `rnnzoo data "
                "build --tokenizer` and the tokenizer.json of the model",
                path=self.folder,
            )
        return self

    def _fill(self, rows: npt.NDArray[np.int64], into: npt.NDArray[Any]) -> None:
        """Rows of places (R, T): in a chunk of streams each is a stretch of the text, most often within one shard."""
        which = np.searchsorted(self.starts, rows.min(1), "right") - 1
        within = rows.max(1) < self.starts[which + 1]
        for number in np.unique(which[within]):
            here = within & (which == number)
            into[here] = self._map(int(number))[rows[here] - self.starts[number]]
        for row in np.flatnonzero(~within):
            which = np.searchsorted(self.starts, rows[row], "right") - 1
            for number in np.unique(which):
                places = which == number
                into[row, places] = self._map(int(number))[rows[row, places] - self.starts[number]]

    def _range(self, start: int, stop: int) -> npt.NDArray[Any]:
        """The ids from `start` to `stop`; a view where they lie in one shard."""
        number = int(np.searchsorted(self.starts, start, "right")) - 1
        parts = []
        while start < stop:
            begin, end = int(self.starts[number]), int(self.starts[number + 1])
            parts.append(self._map(number)[start - begin : min(stop, end) - begin])
            start, number = min(stop, end), number + 1
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, self.dtype), *parts])

    def _mapped(self, number: int) -> npt.NDArray[Any]:
        shard = self.shards[number]
        if not shard.tokens:
            return np.empty(0, self.dtype)
        path = self.folder / shard.file
        if number not in self._checked:
            check_hash(path, shard.sha256)
        ids = np.memmap(path, self.dtype, "r").view(np.ndarray)  # plain arrays are indexed faster
        if number not in self._checked and int(ids.max()) >= self.tokenizer.vocab_size:
            raise _damaged(path, f"has token {int(ids.max())}, of a vocabulary of {self.tokenizer.vocab_size:,}")
        self._checked.add(number)
        return ids


def read_index(folder: Path) -> ShardIndex:
    """The content of ``index.json``.

    Raises:
        UserError: the folder or the file is missing, building has not come to its end, or it is not one that we wrote.
    """
    if not folder.is_dir():
        raise UserError("no such folder", path=folder)
    if not (folder / INDEX).is_file():
        unfinished = any(folder.glob("*.jsonl"))
        hint = "run the same `rnnzoo data build` again, it goes on" if unfinished else "`rnnzoo data build` makes one"
        raise UserError(f"holds no complete corpus of shards: {hint}", path=folder)
    try:
        return ShardIndex.from_dict(read_json(folder / INDEX))
    except UserError as error:
        raise UserError(f"is no index of shards: {error}", path=folder / INDEX) from None


def shard_dtype(tokenizer: Tokenizer) -> np.dtype[Any]:
    """What an id takes in a shard: one, two or four bytes, the lowest first."""
    return id_dtype(tokenizer.vocab_size).newbyteorder("<")


def check_size(path: Path, size: int) -> None:
    """Raises `UserError` where a shard is missing, or of another size."""
    try:
        there = path.stat().st_size
    except OSError:
        raise UserError("this shard is missing: run the same `rnnzoo data build` again", path=path) from None
    if there != size:
        raise _damaged(path, f"has {there:,} bytes instead of {size:,}")


def check_hash(path: Path, sha256: str) -> None:
    """Raises `UserError` where a file is not the one that was written."""
    if sha256_file(path) != sha256:
        raise _damaged(path, f"its sha256 is not {sha256[:12]}...")


def _damaged(path: Path, how: str) -> UserError:
    return UserError(f"is damaged ({how}): remove it and run the same `rnnzoo data build` again", path=path)
