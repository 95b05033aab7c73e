"""One token a character (Unicode code point)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..ranges import PositiveCount
from .base import (
    BLOCK,
    REPLACEMENT,
    Ids,
    StreamDecoder,
    Tokenizer,
    TokenizerConfig,
    Unknown,
    as_ids,
    id_dtype,
    require,
)

__all__ = ["UNK", "CharTokenizer", "CharTokenizerConfig", "describe"]

UNK = "<unk>"
_CODE_POINTS = 0x110000
_LAYOUT: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    # not "(?s).": the library's regular expressions are Oniguruma's, where that is another flag
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
    "post_processor": None,
    "decoder": {"type": "Fuse"},
    "model": {"type": "WordLevel", "vocab": {}, "unk_token": UNK},
}
_UNK_DECODER = {
    "type": "Sequence",
    "decoders": [{"type": "Replace", "pattern": {"String": UNK}, "content": REPLACEMENT}, {"type": "Fuse"}],
}


class CharTokenizer(Tokenizer):
    """A table of characters.

    Args:
        characters: distinct characters in the order of their ids; surrogates are not characters.
        has_unk: id 0 is ``<unk>``, to which every character without an id of its own is mapped;
            `characters` then start at id 1. It decodes to U+FFFD.
        nfc: text is brought to Unicode's NFC form before it is encoded.

    Raises:
        ValueError: no characters, a repeated one, or one that is not a single code point.
    """

    kind = "char"

    def __init__(self, characters: Sequence[str], *, has_unk: bool = False, nfc: bool = False) -> None:
        if not characters:
            raise ValueError("a character tokenizer needs at least one character")
        for character in characters:
            if len(character) != 1 or "\ud800" <= character <= "\udfff":
                raise ValueError(f"{character!r} is not a character")
        self.characters = tuple(characters)
        self.has_unk, self.nfc = has_unk, nfc
        self.vocab_size = len(self.characters) + has_unk
        self.unwritten = (0,) if has_unk else ()
        self.dtype = id_dtype(self.vocab_size)
        codes = np.array([ord(c) for c in self.characters], np.int64)
        if len(np.unique(codes)) < len(codes):
            raise ValueError("a character appears twice")
        # id of each code point up to the last one known; `vocab_size` says "unknown", as does the final entry,
        # where all code points beyond are sent
        self._table = np.full(max(int(codes.max()), 0x7F) + 2, self.vocab_size, id_dtype(self.vocab_size + 1))
        self._table[codes] = np.arange(has_unk, self.vocab_size)
        # code point of each id, and of any other id the final entry
        self._codes = np.full(self.vocab_size + 1, ord(REPLACEMENT), "<u4")
        self._codes[int(has_unk) : -1] = codes

    @classmethod
    def train(cls, texts: Iterable[str], *, nfc: bool = False, min_count: int = 1) -> CharTokenizer:
        """Takes every character that occurs `min_count` times or more; ids in the order of code points.

        Raises:
            UserError: the texts hold no such character.
        """
        kept = np.flatnonzero(_counts(texts, nfc) >= min_count)
        if not len(kept):
            times = f" that occurs {min_count} times" if min_count > 1 else ""
            raise UserError(f"the training text has no character{times} to make a vocabulary of")
        return cls([chr(code) for code in kept], has_unk=min_count > 1, nfc=nfc)

    def encode(self, text: str, *, unknown: Unknown = "error") -> Ids:
        text = _normalise(text, self.nfc)
        result = np.empty(len(text), self.dtype)
        strange: list[npt.NDArray[Any]] = []
        end = 0
        for codes in _blocks(text):
            ids = self._table[np.minimum(codes, len(self._table) - 1) if codes.itemsize > 1 else codes]
            known = ids < self.vocab_size
            if not known.all():
                if unknown == "drop":
                    ids = ids[known]
                elif self.has_unk:
                    ids = np.where(known, ids, 0)
                else:
                    strange.append(_in_order(codes[~known]))
            result[end : end + len(ids)] = ids
            end += len(ids)
        if strange:
            found = describe([chr(code) for code in _in_order(np.concatenate(strange))])
            raise UserError(f"the vocabulary has no {found}: leave them out, or ask for them to be dropped")
        return result[:end] if end == len(result) else result[:end].copy()

    def decode(self, ids: Any) -> str:
        return "".join(self._codes[block].tobytes().decode("utf-32-le") for block in as_ids(ids, self.vocab_size))

    def decoder(self) -> StreamDecoder:
        return _CharDecoder(self._codes)

    def token_texts(self) -> list[str]:
        return [UNK] * self.has_unk + list(self.characters)

    def extend(self, text: str) -> CharTokenizer:
        found = {chr(code) for code in np.flatnonzero(_counts([text], self.nfc))}
        new = sorted(found.difference(self.characters))
        return CharTokenizer((*self.characters, *new), has_unk=self.has_unk, nfc=self.nfc) if new else self

    def to_dict(self) -> dict[str, Any]:
        vocab = {token: number for number, token in enumerate(self.token_texts())}
        return {
            **_LAYOUT,
            "normalizer": {"type": "NFC"} if self.nfc else None,
            "decoder": _UNK_DECODER if self.has_unk else _LAYOUT["decoder"],
            "model": {**_LAYOUT["model"], "vocab": vocab},
        }

    @classmethod
    def claims(cls, data: Mapping[str, Any]) -> bool:
        return bool(data.get("pre_tokenizer") == _LAYOUT["pre_tokenizer"])

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "tokenizer.json") -> CharTokenizer:
        model = data.get("model")
        vocab = model.get("vocab") if isinstance(model, Mapping) else None
        require(isinstance(vocab, Mapping), where, "model.vocab is missing")
        assert isinstance(vocab, Mapping)
        require(0 < len(vocab) <= _CODE_POINTS, where, f"a vocabulary of {len(vocab)} characters")
        tokens: list[str | None] = [None] * len(vocab)
        for token, number in vocab.items():
            fits = type(number) is int and 0 <= number < len(tokens) and tokens[number] is None
            require(fits, where, f"the id of {token!r:.40} is {number!r:.40}, and ids run from 0 to {len(tokens) - 1}")
            tokens[number] = token
        has_unk = tokens[0] == UNK
        try:
            new = cls([t for t in tokens[has_unk:] if t is not None], has_unk=has_unk, nfc=bool(data.get("normalizer")))
        except ValueError as error:
            raise UserError(f"not a tokenizer that rnnzoo wrote: {error}", path=where) from None
        require(new.to_dict() == data, where, "its layout is another")
        return new


class _CharDecoder(StreamDecoder):
    def __init__(self, codes: npt.NDArray[np.uint32]) -> None:
        self._codes, self._size = codes, len(codes) - 1

    def feed(self, token: int) -> str:
        return chr(self._codes[int(token) if 0 <= token < self._size else self._size])

    def flush(self) -> str:
        return ""


@dataclass(frozen=True)
class CharTokenizerConfig(TokenizerConfig, name="char"):
    """Every character of the training text.

    Args:
        nfc: bring text to Unicode's NFC form first, so that an accented letter is one character
            however it was typed.
        min_count: characters that occur less often, and all unseen ones, become ``<unk>``; with 1
            there is no ``<unk>``.
    """

    nfc: bool = False
    min_count: PositiveCount = 1

    def build(self, texts: Iterable[str]) -> CharTokenizer:
        return CharTokenizer.train(texts, nfc=self.nfc, min_count=self.min_count)


def describe(characters: Sequence[str], limit: int = 5) -> str:
    """``"'é' (U+00E9), '\\n' (U+000A) and 3 more"``; what is longer than a character stands without its number."""
    shown = ", ".join(f"{c!r} (U+{ord(c):04X})" if len(c) == 1 else repr(c) for c in characters[:limit])
    more = len(characters) - limit
    return f"{shown} and {more} more" if more > 0 else shown


def _normalise(text: str, nfc: bool) -> str:
    return unicodedata.normalize("NFC", text) if nfc else text


def _counts(texts: Iterable[str], nfc: bool) -> npt.NDArray[np.int64]:
    """How often each code point occurs; surrogates, which are not characters, are not counted."""
    counts = np.zeros(_CODE_POINTS, np.int64)
    for text in texts:
        for codes in _blocks(_normalise(text, nfc)):
            seen = np.bincount(codes)
            counts[: len(seen)] += seen
    counts[0xD800:0xE000] = 0
    return counts


def _blocks(text: str) -> Iterator[npt.NDArray[Any]]:
    """The code points of `text`, a block at a time; ASCII blocks as uint8, others as uint32."""
    for start in range(0, len(text), BLOCK):
        part = text[start : start + BLOCK]
        if part.isascii():
            yield np.frombuffer(part.encode("ascii"), np.uint8)
        else:
            yield np.frombuffer(part.encode("utf-32-le", "surrogatepass"), "<u4")


def _in_order(codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The distinct values of `codes`, the first seen first."""
    values, first = np.unique(codes, return_index=True)
    return values[np.argsort(first)].astype(np.int64)
