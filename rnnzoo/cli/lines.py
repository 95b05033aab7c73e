"""Lines for a command: from its words, a file, or standard input as they arrive."""

from __future__ import annotations

import argparse
import codecs
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.text_io import read_text, write
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.data.plain_text import TextForm

__all__ = ["Lines", "batches_of_lines"]

Lines = list[tuple[int, str]]
"""Some lines of the input and their numbers."""

_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a last \r may be half of a line end that is still coming
_KEPT = re.compile(rb"\n")
_LONGEST = 1 << 20  # bytes of a line


def batches_of_lines(
    args: argparse.Namespace, form: TextForm, batch_size: int, *, whole: bool = False, asked: str = "a sentence a line"
) -> Iterator[Lines]:
    """The input, some lines at a time: as many as are there, so that a slow writer has each answer at once.

    Args:
        args: with ``text``, words of the command line, and ``input``, a file. form: of text in files.
        batch_size: lines that are worked on together. whole: all lines of standard input come at once.
        asked: what is asked for in a terminal.
    """
    if args.text:
        yield list(enumerate((line for text in args.text for line in _lines(text)), start=1))
    elif args.input not in (None, "-"):
        yield from _in_file(args.input, form, 16 * batch_size)  # among so many, lines of like length are found
    elif whole or form.encoding != "auto":
        yield from _in_file("-", form, sys.maxsize if whole else 16 * batch_size)
    else:
        asks = args.input is None and sys.stdin.isatty()
        if asks:
            write(f"{asked}; Ctrl-D ends\n", sys.stderr)
        yield from _arriving(_asked if asks else _read, _KEPT if form.newlines == "keep" else _END)
        if asks:
            write("\n", sys.stderr)


def _lines(text: str) -> list[str]:
    """The lines of a text; none after its last line end, and an empty one where there is nothing."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _in_file(path: str, form: TextForm, size: int) -> Iterator[Lines]:
    lines = [line.removesuffix("\r") for line in read_text(path, form).removesuffix("\n").split("\n")]
    for start in range(0, len(lines), size):
        yield list(enumerate(lines[start : start + size], start=start + 1))


def _arriving(read: Callable[[], bytes], end: re.Pattern[bytes]) -> Iterator[Lines]:
    number, rest = 0, b""
    while chunk := read():
        *whole, rest = end.split(rest + chunk)
        if not number and (rest if not whole else whole[0]).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise UserError("is UTF-16: say --encoding utf-16", path="standard input")
        if whole:
            yield [(number + i, _decoded(line, number + i)) for i, line in enumerate(whole, start=1)]
        number += len(whole)
        if len(rest) > _LONGEST:
            raise UserError(
                f"is longer than {_LONGEST:,} bytes: a sentence a line",
                path="standard input",
                position=f"line {number + 1}",
            )
    if rest:
        yield [(number + 1, _decoded(rest, number + 1))]


def _read() -> bytes:
    buffer: Any = sys.stdin.buffer
    chunk: bytes = buffer.read1(1 << 16)  # what is there, waiting only where nothing is
    return chunk


def _asked() -> bytes:
    write("> ", sys.stderr)
    return sys.stdin.buffer.readline()


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.decode("utf-8").removesuffix("\r").removeprefix("\ufeff" if number == 1 else "")
    except UnicodeDecodeError as error:
        raise UserError(
            f"is not UTF-8 (byte {error.start + 1} of the line)", path="standard input", position=f"line {number}"
        ) from None
