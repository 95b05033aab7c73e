"""One token a piece of a word: byte-pair encoding of UTF-8 (Sennrich et al. 2016, arXiv:1508.07909).

Text is cut into words, numbers and punctuation, each with the one space before it (the pattern of GPT-2), and
each of these is a row of bytes in which pairs are merged, the pairs that were most frequent in training first.
All 256 bytes are tokens, so every text can be said, and no token crosses two words. The `tokenizers` library does
the work.
"""

from __future__ import annotations

import codecs
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from ..errors import UserError
from ..ranges import PositiveCount, Range
from .base import BLOCK, Ids, StreamDecoder, Tokenizer, TokenizerConfig, Unknown, as_ids, id_dtype, require
from .byte import byte_alphabet, utf8

__all__ = ["BPETokenizer", "BPETokenizerConfig"]

Merge = tuple[str, str]

_INVALID = b"\xff"  # decodes to U+FFFD wherever it stands
_MAX_MERGES = 1 << 20
_MAX_LENGTH = 64  # bytes of a token: sixty merges could make one of 2^60
_LONG = 1000  # characters of a word, in training
_ENDLESS = re.compile(rf"[^\W_]{{{_LONG + 1},}}|(?:[^\w\s]|_){{{_LONG + 1},}}|\s{{{_LONG + 1},}}")
_ALPHABET = byte_alphabet()
_BYTES = {character: byte for byte, character in enumerate(_ALPHABET)}
_BYTE_LEVEL: dict[str, Any] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_LAYOUT: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": _BYTE_LEVEL,
    "post_processor": None,
    "decoder": _BYTE_LEVEL,
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {},
        "merges": [],
    },
}


class BPETokenizer(Tokenizer):
    """Byte-level pieces of words. Lone surrogates, which UTF-8 cannot say, count as unknown.

    The merges say all: ids 0 to 255 are the bytes, and each merge whose token is not there yet gives the next id.

    Args:
        merges: pairs of tokens, the first to be merged first, spelt in the byte alphabet of GPT-2.

    Raises:
        ValueError: a pair that is there twice, of something that is no token, or of more than 64 bytes.
    """

    kind = "bpe"

    def __init__(self, merges: Sequence[Merge]) -> None:
        self.merges = tuple(merges)
        vocab = dict(_BYTES)
        for left, right in self.merges:
            if left not in vocab or right not in vocab:
                raise ValueError(f"{left!r:.40} and {right!r:.40} are merged before they are tokens")
            if len(left) + len(right) > _MAX_LENGTH:
                raise ValueError(f"the token {left + right!r:.40} has more than {_MAX_LENGTH} bytes")
            vocab.setdefault(left + right, len(vocab))
        if len(set(self.merges)) < len(self.merges):
            raise ValueError("two merges are the same")
        self._vocab = vocab
        self.vocab_size = len(vocab)
        self.dtype = id_dtype(self.vocab_size)
        # the bytes of each id, and of any other id the final entry
        self._bytes = [bytes(map(_BYTES.__getitem__, token)) for token in vocab] + [_INVALID]

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 8000, *, min_frequency: int = 2) -> BPETokenizer:
        """Merges the most frequent pair of tokens again and again.

        The result depends on the texts alone, not on their order or the number of threads.

        Args:
            texts: say the lines or sentences of a corpus; nothing is merged across two of them.
            vocab_size: ids at most, the 256 bytes among them.
            min_frequency: pairs that are rarer are not merged.

        Raises:
            UserError: no pair is that frequent.
        """
        from tokenizers import Tokenizer as Library
        from tokenizers import models, pre_tokenizers, trainers

        library = Library(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            show_progress=False,
            initial_alphabet=_ALPHABET,
            max_token_length=_MAX_LENGTH,
        )
        blocks = (part for text in texts for block in _blocks(utf8(text, "drop").decode()) for part in _cut(block))
        library.train_from_iterator(blocks, trainer)
        merges = json.loads(library.to_str())["model"]["merges"]
        if not merges:
            raise UserError(f"the training text has no pair of bytes that occurs {min_frequency} times, to be merged")
        return cls([(left, right) for left, right in merges])

    @functools.cached_property
    def _library(self) -> Any:
        """The library's tokenizer of the same merges; made when it is first needed, since the import takes a while."""
        from tokenizers import Tokenizer as Library
        from tokenizers import models, pre_tokenizers

        library = Library(models.BPE(vocab=self._vocab, merges=list(self.merges)))
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        return library

    @property
    def ids(self) -> Mapping[str, int]:
        """The id of each token, spelt in the byte alphabet."""
        return self._vocab

    def words(self, text: str) -> list[str]:
        """What is merged within itself: words, numbers, punctuation; spelt in the byte alphabet.

        Raises:
            UserError: UTF-8 cannot say the text.
        """
        return [
            word
            for block in _blocks(_sayable(text, "error"))
            for word, _ in self._library.pre_tokenizer.pre_tokenize_str(block)
        ]

    def encode(self, text: str, *, unknown: Unknown = "error") -> Ids:
        parts = [self._ids([block])[0] for block in _blocks(_sayable(text, unknown))]
        return np.concatenate(parts) if parts else np.empty(0, self.dtype)

    def encode_all(self, texts: Sequence[str], *, unknown: Unknown = "error") -> list[Ids]:
        return self._ids([_sayable(text, unknown) for text in texts])

    def _ids(self, texts: list[str]) -> list[Ids]:
        return [np.array(one.ids, self.dtype) for one in self._library.encode_batch_fast(texts)]

    def decode(self, ids: Any) -> str:
        blocks = as_ids(ids, self.vocab_size)
        return b"".join(self._bytes[token] for block in blocks for token in block.tolist()).decode("utf-8", "replace")

    def decoder(self) -> StreamDecoder:
        return _BPEDecoder(self._bytes)

    def token_texts(self) -> list[str]:
        return [_readable(data) for data in self._bytes[:-1]]

    def extend(self, text: str) -> BPETokenizer:
        return self

    def to_dict(self) -> dict[str, Any]:
        model = {**_LAYOUT["model"], "vocab": dict(self._vocab), "merges": [list(merge) for merge in self.merges]}
        return {**_LAYOUT, "pre_tokenizer": dict(_BYTE_LEVEL), "decoder": dict(_BYTE_LEVEL), "model": model}

    @classmethod
    def claims(cls, data: Mapping[str, Any]) -> bool:
        return bool(data.get("pre_tokenizer") == _BYTE_LEVEL)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "tokenizer.json") -> BPETokenizer:
        model = data.get("model")
        merges = model.get("merges") if isinstance(model, Mapping) else None
        require(isinstance(merges, list), where, "model.merges is missing")
        assert isinstance(merges, list)
        require(0 < len(merges) <= _MAX_MERGES, where, f"{len(merges)} merges")
        for merge in merges:
            fits = isinstance(merge, list) and [type(part) for part in merge] == [str, str]
            require(fits, where, f"{merge!r:.40} is no merge")
        try:
            new = cls([(left, right) for left, right in merges])
        except ValueError as error:
            raise UserError(f"not a tokenizer that rnnzoo wrote: {error}", path=where) from None
        exact = new.to_dict() == data and all(type(number) is int for number in data["model"]["vocab"].values())
        require(exact, where, "its layout is another")
        return new


class _BPEDecoder(StreamDecoder):
    """Holds back the bytes of a character that is not complete."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._texts = texts
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        return self._decoder.decode(self._texts[int(token) if 0 <= token < len(self._texts) else -1])

    def flush(self) -> str:
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text


@dataclass(frozen=True)
class BPETokenizerConfig(TokenizerConfig, name="bpe"):
    """Pieces of the words of the training text, byte-level.

    Args:
        vocab_size: ids at most, the 256 bytes among them.
        min_frequency: pairs of pieces that are rarer are not merged into one.
    """

    vocab_size: Annotated[int, Range("257 <= x <= 1048576")] = 8000
    min_frequency: PositiveCount = 2

    whole_text = False

    def build(self, texts: Iterable[str]) -> BPETokenizer:
        return BPETokenizer.train(texts, self.vocab_size, min_frequency=self.min_frequency)


def _sayable(text: str, unknown: Unknown) -> str:
    """`text` without lone surrogates, which must not be there or are dropped."""
    return text if text.isascii() else utf8(text, unknown).decode()


def _readable(data: bytes) -> str:
    """Text where the bytes are text, else their numbers."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in data)


def _cut(block: str) -> Iterator[str]:
    """The text with what would be one word of more than a thousand characters cut: merging takes its square."""
    end = 0
    for found in _ENDLESS.finditer(block):
        yield block[end : found.start()]
        end = found.end()
        yield from (block[start : min(start + _LONG, end)] for start in range(found.start(), end, _LONG))
    yield block[end:]


def _blocks(text: str) -> Iterator[str]:
    """`text` in pieces of about `BLOCK` characters, which have the tokens of the whole.

    They end before a newline that follows something visible: no token has a space but at its beginning or throughout.
    """
    start = 0
    while start < len(text):
        end = text.find("\n", start + BLOCK)
        while end > 0 and (text[end - 1].isspace() or not text[end - 1].isprintable()):
            end = text.find("\n", end + 1)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end
