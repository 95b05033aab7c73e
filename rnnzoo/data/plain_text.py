"""Text as it lies in files: which encoding it has, what ends its lines, and a piece of it at a time.

All text of the user's own is read here, so that a corpus, a table of pairs, a prompt and a text to score are read by
one rule. Unless something else is said, a byte order mark tells UTF-8, UTF-16 and UTF-32; without one it is UTF-8; and
``\\r\\n`` and ``\\r`` are line ends as ``\\n`` is.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from rnnzoo.config import Config
from rnnzoo.errors import UserError, nearest
from rnnzoo.opening import read_blocks, shown_name

__all__ = [
    "AS_PEOPLE_EXPECT",
    "MAX_TEXT",
    "Newlines",
    "TextForm",
    "check_form",
    "guess_encoding",
    "read_text",
    "text_pieces",
]

FilePath = str | os.PathLike[str]
Newlines = Literal["universal", "keep"]

MAX_TEXT = 1 << 30
"""Bytes of a text that is held in memory; a longer one becomes shards."""

_MARKS = (  # that of UTF-32 begins as UTF-16's does, so it comes first
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_FILES = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}  # of names, of source code
_OFTEN = (
    "utf-8",
    "utf-16",
    "utf-32",
    "latin-1",
    "cp1252",
    "cp1251",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
)
_LATIN = ("cp125", "iso8859", "latin", "cp437", "cp775", "cp85", "mac", "hp_roman")
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüßœÀÁÂÄÅÆÇÈÉÊËÍÎÑÓÔÖØÚÜŒ«»‹›‘’“”„–—…•°§€£¡¿\xa0")  # noqa: RUF001
_SAMPLE = 1 << 16  # bytes that tell an encoding
_SHORT = 16  # bytes that tell nothing
_NULS = 0.05  # share of NULs from which on a text is none in UTF-8

_HOLE = 4096  # NUL characters in a row, of a file that was never written


@dataclass(frozen=True)
class TextForm(Config):
    """How bytes become text.

    Args:
        encoding: of the files: ``auto`` for UTF-8, or what a byte order mark says; else a name that Python knows,
            such as ``latin-1``, ``cp1252``, ``utf-16``, ``shift_jis``, ``gb18030``.
        newlines: ``universal`` makes ``\\r\\n`` and ``\\r`` a plain ``\\n``; ``keep`` leaves them.
    """

    encoding: str = "auto"
    newlines: Newlines = "universal"

    def __post_init__(self) -> None:
        check_form(self.encoding, self.newlines)


def check_form(encoding: str, newlines: str) -> None:
    """Raises `ValueError` where that is no encoding of text, or no rule of line ends."""
    if newlines not in get_args(Newlines):
        raise ValueError(f"newlines is {newlines!r:.40}, and must be one of {', '.join(get_args(Newlines))}")
    if encoding == "auto":
        return
    try:
        found = codecs.lookup(encoding)
        known = getattr(found, "_is_text_encoding", True) and found.name.replace("-", "_") not in _NO_FILES
    except (LookupError, ValueError):
        known = False
    if not known:
        raise ValueError(f"encoding: {encoding!r:.40} is none that Python knows{nearest(encoding, _OFTEN)}")


AS_PEOPLE_EXPECT = TextForm()
"""What is read where nothing else is said."""


def read_text(path: FilePath, form: TextForm = AS_PEOPLE_EXPECT, *, most: int = MAX_TEXT) -> str:
    """A text as a whole.

    Args:
        path: a file, gzip-compressed or not, or a stream, see `rnnzoo.opening.is_stream`.
        form: its encoding and line ends. most: bytes at most, unpacked.

    Raises:
        UserError: as `text_pieces`; more bytes than that.
    """
    return "".join(text_pieces(path, form, most=most))


def text_pieces(path: FilePath, form: TextForm = AS_PEOPLE_EXPECT, *, most: int | None = None) -> Iterator[str]:
    """A text, about a million characters at a time; a byte order mark is none of them.

    Args:
        path, form, most: as for `read_text`.

    Raises:
        UserError: the file cannot be read (see `rnnzoo.opening.read_blocks`), is empty, or is not of that encoding:
            then the message names the first bad byte, and the encoding that it seems to have; a hole in a file is
            no text.
    """
    name = shown_name(path)
    advice = ", more than is held in memory: make shards of it with `rnnzoo data build`"
    blocks = read_blocks(path, most=most, advice=advice if most == MAX_TEXT else "")
    first = next(blocks, b"")
    while len(first) < 4 and (block := next(blocks, b"")):  # a pipe may give a byte at a time
        first += block
    encoding, mark = _encoding(first, form.encoding)
    if encoding == "utf-8" and form.encoding == "auto":
        _refuse_wide(first, name)
    decoder = codecs.getincrementaldecoder(encoding)()
    ends = io.IncrementalNewlineDecoder(None, translate=True) if form.newlines == "universal" else None
    place, begun, data = mark, False, first[mark:]
    while True:
        final = not data
        held = len(decoder.getstate()[0])
        try:
            piece = decoder.decode(data, final)
        except UnicodeDecodeError as error:
            raise _wrong(name, form, encoding, place - held + error.start, _around(data, error.start - held)) from None
        except UnicodeError as error:  # of UTF-16 without the mark that it must have
            raise UserError(f"is not {encoding} ({error})", path=name) from None
        if len(piece) >= _HOLE and piece.count("\0") == len(piece):
            raise UserError("is no text: NUL bytes and nothing else", path=name, position=f"byte {place}")
        place += len(data)
        if ends is not None:
            piece = ends.decode(piece, final)
        if piece:
            begun = True
            yield piece
        if final:
            break
        data = next(blocks, b"")
    if not begun:
        raise UserError("is empty", path=name)


def guess_encoding(sample: bytes) -> str | None:
    """The encoding that bytes seem to have; None where they seem to be no text."""
    from charset_normalizer import from_bytes  # a moment, for a file that is wrong

    best = from_bytes(sample).best()
    if best is None:
        return None
    name = best.encoding
    if name.startswith(_LATIN):  # these differ in a few letters, of which statistics know little in short texts
        letters = [c for c in sample.decode("cp1252", "replace") if c > "\x7f"]
        if len(letters) < 0.25 * len(sample) and sum(c in _WESTERN for c in letters) >= 0.9 * len(letters):
            return "cp1252"
    return name.replace("_", "-") if name.startswith("utf") else name


# --------------------------------------------------------------------------------------------------- parts


def _encoding(first: bytes, said: str) -> tuple[str, int]:
    """The codec to decode with, and the length of the mark before the text."""
    name = "auto" if said == "auto" else codecs.lookup(said).name.removesuffix("-sig")
    for mark, of in _MARKS:
        if first.startswith(mark) and (name in ("auto", of) or of.startswith(f"{name}-")):
            return of, len(mark)
    return ("utf-8" if name == "auto" else name), 0


def _refuse_wide(first: bytes, name: str) -> None:
    """Raises `UserError` where every other byte is a NUL: UTF-16 of European text is valid UTF-8, but not meant so."""
    sample = first[: _SAMPLE - _SAMPLE % 4]
    if len(sample) < _SHORT or sample.count(0) <= _NULS * len(sample):
        return
    guess = guess_encoding(sample)
    if guess is not None and guess.startswith(("utf-16", "utf-32")):
        raise UserError(f"is not UTF-8 but {guess.upper()} by its look: say --encoding {guess}", path=name)


def _around(data: bytes, place: int) -> bytes:
    """What lies around a byte, from the beginning of its line where that is far from the file's."""
    start = 0 if place < _SAMPLE // 2 else data.rfind(b"\n", place - _SAMPLE // 2, place) + 1
    return data[start : start + _SAMPLE]


def _wrong(name: str, form: TextForm, encoding: str, place: int, near: bytes) -> UserError:
    position = f"byte {place}"
    if form.encoding != "auto" or encoding != "utf-8":
        called = form.encoding if form.encoding != "auto" else encoding.upper()
        return UserError(f"is not {called}", path=name, position=position)
    guess = guess_encoding(near)
    if guess in (None, "utf-8", "ascii"):
        return UserError("is not UTF-8, and does not look like text of another encoding", path=name, position=position)
    return UserError(f"is not UTF-8; it looks like {guess}: say --encoding {guess}", path=name, position=position)
