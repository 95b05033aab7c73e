"""What every tokenizer is: text to flat ids and back, and a ``tokenizer.json``."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..config import Config
from ..errors import UserError
from ..files import write_text

__all__ = ["REPLACEMENT", "Ids", "StreamDecoder", "Tokenizer", "TokenizerConfig", "Unknown", "as_ids", "id_dtype"]

Ids = npt.NDArray[np.unsignedinteger[Any]]
Unknown = Literal["error", "drop"]

REPLACEMENT = "\ufffd"
"""Stands in decoded text for what is not a character: an unknown id, ``<unk>``, invalid UTF-8."""


BLOCK = 1 << 20
"""Characters or ids that are worked on at a time: bounds the memory beside the result to some MB."""


class StreamDecoder(ABC):
    """Decodes one id at a time; the pieces joined are what `Tokenizer.decode` gives for the whole."""

    @abstractmethod
    def feed(self, token: int) -> str:
        """The text that is complete once `token` is there; may be empty."""

    @abstractmethod
    def flush(self) -> str:
        """What was held back, and starts afresh."""


class Tokenizer(ABC):
    """Text to ids and back. Tokenizers are immutable."""

    kind: ClassVar[str]
    vocab_size: int
    unwritten: tuple[int, ...] = ()  # ids that stand for no text of their own, <unk>; nothing is written with them

    @abstractmethod
    def encode(self, text: str, *, unknown: Unknown = "error") -> Ids:
        """The ids of `text`, one flat array of the smallest unsigned dtype that holds them.

        Args:
            text: any string, lone surrogates included.
            unknown: what becomes of characters without an id: ``"error"`` (where the tokenizer has
                an ``<unk>``, they become that) or ``"drop"``.

        Raises:
            UserError: there are unknown characters; up to five are listed.
        """

    def encode_all(self, texts: Sequence[str], *, unknown: Unknown = "error") -> list[Ids]:
        """The ids of each of many short texts; some tokenizers do this faster than one by one."""
        return [self.encode(text, unknown=unknown) for text in texts]

    @abstractmethod
    def decode(self, ids: Any) -> str:
        """The text of `ids`, a list, array, tensor or any iterable of integers. Never fails on an id."""

    @abstractmethod
    def decoder(self) -> StreamDecoder:
        """A new incremental decoder."""

    def reader(self) -> StreamDecoder:
        """A new incremental decoder for people: text as it is written, where `decode` only undoes `encode`."""
        return self.decoder()

    @abstractmethod
    def token_texts(self) -> list[str]:
        """Each id's token in readable form, for tables."""

    @abstractmethod
    def extend(self, text: str) -> Tokenizer:
        """A tokenizer that also knows all characters of `text`; ids that were there keep their meaning."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The content of ``tokenizer.json``, in the format of the `tokenizers` library."""

    @classmethod
    @abstractmethod
    def claims(cls, data: Mapping[str, Any]) -> bool:
        """Whether `data`, the content of a ``tokenizer.json``, is meant for this class."""

    @classmethod
    @abstractmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "tokenizer.json") -> Tokenizer:
        """`to_dict`'s inverse.

        Raises:
            UserError: anything in `data` is not what `to_dict` writes.
        """

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes ``tokenizer.json`` to the file `path`."""
        write_text(Path(path), self.to_json())

    def to_json(self) -> str:
        """The text of ``tokenizer.json``."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.kind, self.vocab_size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"


class TokenizerConfig(Config, ABC, family="tokenizer"):
    """How to make a tokenizer from text.

    Attributes:
        whole_text: it is made of all parts of a corpus (an alphabet), not of the training part alone (words).
    """

    whole_text: ClassVar[bool] = True

    @abstractmethod
    def build(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer that knows the characters (or words) of `texts`."""


def id_dtype(vocab_size: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The smallest of uint8, uint16, uint32 that holds the ids below `vocab_size`."""
    return np.min_scalar_type(max(vocab_size - 1, 0))


def as_ids(ids: Any, vocab_size: int) -> Iterator[npt.NDArray[np.int64]]:
    """`ids` (T,), whatever holds them, a block at a time; a single id counts as one.

    What is no id below `vocab_size` comes as `vocab_size`.

    Raises:
        ValueError: more than one axis, or values that are not integers.
    """
    if hasattr(ids, "detach"):  # a tensor, perhaps on an accelerator
        ids = ids.detach().cpu()
    array = np.asarray(ids if hasattr(ids, "__array__") or isinstance(ids, (list, tuple, int)) else list(ids))
    if array.size == 0:
        return
    if array.ndim > 1 or array.dtype.kind not in "iu":
        raise ValueError(f"ids are one row of integers, not {array.dtype} of shape {array.shape}")
    array = array.reshape(-1)
    for start in range(0, len(array), BLOCK):
        block = array[start : start + BLOCK].astype(np.int64)
        yield np.where((block >= 0) & (block < vocab_size), block, vocab_size)


def require(ok: bool, where: str, what: str) -> None:
    """Raises `UserError` that the file `where` is not as it should be, unless `ok`."""
    if not ok:
        raise UserError(f"not a tokenizer that rnnzoo wrote: {what}", path=where)
