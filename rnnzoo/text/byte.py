"""One token a byte of UTF-8: 256 ids, no unknown text."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UserError
from .base import Ids, StreamDecoder, Tokenizer, TokenizerConfig, Unknown, as_ids, require
from .char import describe

__all__ = ["ByteTokenizer", "ByteTokenizerConfig", "byte_alphabet", "utf8"]

_INVALID = 0xFF  # a byte that UTF-8 never has: decodes to U+FFFD wherever it stands


def byte_alphabet() -> list[str]:
    """The printable character that stands for each byte in byte-level BPE files (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    shown = {byte: byte for byte in printable} | {byte: 256 + i for i, byte in enumerate(others)}
    return [chr(shown[byte]) for byte in range(256)]


def utf8(text: str, unknown: Unknown) -> bytes:
    """The UTF-8 of `text`, where lone surrogates are refused or dropped.

    Raises:
        UserError: there are some, and `unknown` is ``"error"``.
    """
    try:
        return text.encode("utf-8", "ignore" if unknown == "drop" else "strict")
    except UnicodeEncodeError:
        lone = list(dict.fromkeys(c for c in text if "\ud800" <= c <= "\udfff"))
        message = f"UTF-8 has no {describe(lone)}: leave them out, or ask for them to be dropped"
        raise UserError(message) from None


class ByteTokenizer(Tokenizer):
    """Ids are the bytes of the text's UTF-8. Lone surrogates, which UTF-8 cannot say, count as unknown."""

    kind = "byte"
    vocab_size = 256

    def encode(self, text: str, *, unknown: Unknown = "error") -> Ids:
        return np.frombuffer(utf8(text, unknown), np.uint8).copy()  # a copy, to be writable as other arrays are

    def decode(self, ids: Any) -> str:
        # 256 stands for what is no byte
        data = b"".join(np.minimum(block, _INVALID).astype(np.uint8).tobytes() for block in as_ids(ids, 256))
        return data.decode("utf-8", "replace")

    def decoder(self) -> StreamDecoder:
        return _ByteDecoder()

    def token_texts(self) -> list[str]:
        return [chr(byte) if byte < 128 else f"<0x{byte:02X}>" for byte in range(256)]

    def extend(self, text: str) -> ByteTokenizer:
        return self

    def to_dict(self) -> dict[str, Any]:
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": None,
            "pre_tokenizer": byte_level,
            "post_processor": None,
            "decoder": dict(byte_level),
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": {character: byte for byte, character in enumerate(byte_alphabet())},
                "merges": [],
            },
        }

    @classmethod
    def claims(cls, data: Mapping[str, Any]) -> bool:
        model = data.get("model")
        return isinstance(model, Mapping) and model.get("type") == "BPE" and model.get("merges") == []

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "tokenizer.json") -> ByteTokenizer:
        new = cls()
        require(new.to_dict() == data, where, "its layout is another")
        return new


class _ByteDecoder(StreamDecoder):
    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        return self._decoder.decode(bytes([int(token) if 0 <= token < 256 else _INVALID]))

    def flush(self) -> str:
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text


@dataclass(frozen=True)
class ByteTokenizerConfig(TokenizerConfig, name="byte"):
    """The bytes of UTF-8; nothing to set, nothing to learn from the text."""

    def build(self, texts: Iterable[str]) -> ByteTokenizer:
        return ByteTokenizer()
