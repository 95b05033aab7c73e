"""Tokenizers: text to ids and back, as ``tokenizer.json`` files that the `tokenizers` library reads too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..opening import read_regular
from .base import StreamDecoder, Tokenizer, TokenizerConfig, require
from .bpe import BPETokenizer, BPETokenizerConfig
from .byte import ByteTokenizer, ByteTokenizerConfig
from .char import CharTokenizer, CharTokenizerConfig
from .word import WordTokenizer, WordTokenizerConfig

__all__ = [
    "BPETokenizer",
    "BPETokenizerConfig",
    "ByteTokenizer",
    "ByteTokenizerConfig",
    "CharTokenizer",
    "CharTokenizerConfig",
    "StreamDecoder",
    "Tokenizer",
    "TokenizerConfig",
    "WordTokenizer",
    "WordTokenizerConfig",
    "load_tokenizer",
    "tokenizer_from_dict",
]

_KINDS: tuple[type[Tokenizer], ...] = (CharTokenizer, ByteTokenizer, BPETokenizer, WordTokenizer)
_MAX_BYTES = 64 << 20  # all of Unicode as a character vocabulary is 24 MB


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer of a ``tokenizer.json`` that `Tokenizer.save` wrote.

    Raises:
        UserError: the file is missing, too large, not JSON, or another library's tokenizer.
    """
    where = os.fspath(path)
    try:
        text = read_regular(where, most=_MAX_BYTES, missing="is missing").decode("utf-8")
        data = json.loads(text, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise UserError("is not UTF-8", path=where, position=f"byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise UserError(f"is not JSON ({error.msg})", path=where, position=f"line {error.lineno}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"not a tokenizer that rnnzoo wrote: {error}", path=where) from None
    return tokenizer_from_dict(data, where)


def tokenizer_from_dict(data: Any, where: str = "tokenizer.json") -> Tokenizer:
    """The tokenizer whose `Tokenizer.to_dict` is `data`.

    Args:
        data: the content of a ``tokenizer.json``.
        where: the file it came from, for error messages.

    Raises:
        UserError: `data` is not exactly what one of the tokenizers writes.
    """
    require(isinstance(data, Mapping), where, "not a JSON object")
    for kind in _KINDS:
        if kind.claims(data):
            return kind.from_dict(data, where)
    known = ", ".join(kind.kind for kind in _KINDS)
    raise UserError(f"not a tokenizer that rnnzoo wrote (known kinds: {known})", path=where)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key appears twice")
    return data
