"""Vectors as text: GloVe, word2vec's text format, fastText's ``.vec``.

A line is a token and D numbers, separated by ASCII blanks; word2vec and fastText write a header, ``N D``, GloVe
(Pennington et al. 2014) does not. A token may have blanks itself (GloVe 840B has some), so lines are split from the
right. Only ``\\n`` ends a line: tokens hold other characters that Unicode calls line ends.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnzoo.embeddings.source import Source
from rnnzoo.embeddings.table import Table

__all__ = ["MAX_DIM", "BadTokens", "check_claim", "check_dim", "is_utf8", "parse_header", "read_text"]

BadTokens = Literal["error", "skip"]

MAX_DIM = 1 << 14
"""Numbers of a vector; the largest models in use stay below it."""
_MAX_LINE = 1 << 20  # bytes; MAX_DIM numbers of 25 characters and a token
_NUMERALS = b"0123456789+-.eE"  # float() takes "nan", "1_000" and the digits of all scripts as well
_LARGEST = float(np.finfo(np.float32).max)


def parse_header(line: bytes) -> tuple[int, int] | None:
    """N and D of the line ``N D``; None when it is another line."""
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() and len(field) < 15 for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def check_dim(source: Source, found: int, expected: int | None, where: str) -> int:
    """`found`, the D that `where` says or shows, if it is possible and the one that was expected.

    Raises:
        UserError: it is not.
    """
    if expected is not None and found != expected:
        raise source.error(f"{where} {found:,} numbers for each vector, not {expected:,}")
    if not 1 <= found <= MAX_DIM:
        raise source.error(f"{where} {found:,} numbers for each vector; 1 to {MAX_DIM:,} are possible")
    return found


def check_claim(source: Source, rows: int, row_bytes: int, begin: int) -> None:
    """Raises `UserError` when `rows` of at least `row_bytes` each cannot fit behind byte `begin` of the file."""
    if rows < 1:
        raise source.error("the header claims no vectors")
    if rows * row_bytes > source.most - begin:
        raise source.error(
            f"the header claims {rows:,} vectors of {row_bytes:,} bytes or more, the file has {source.most - begin:,} "
            "bytes for them: it is truncated, or the header lies"
        )


def read_text(source: Source, table: Table, dim: int | None, bad_tokens: BadTokens) -> None:
    """Reads all lines; the numbers of those that the table wants.

    Args:
        source: the file. table: takes the vectors.
        dim: D, where known; otherwise the header's, or as many numbers as the first line ends in. Only where it was
            said may a token with blanks end in a number: elsewhere that is taken for a line of too many numbers.
        bad_tokens: what becomes of tokens that are not UTF-8.

    Raises:
        UserError: a line that is no token with D numbers, a header that does not tell the truth. Numbers of lines
            that the table does not want are counted, not looked at.
    """
    said = dim is not None
    number, line = 1, _line(source, 1).removeprefix(b"\xef\xbb\xbf")
    header = parse_header(line)
    if header is not None:
        dim = check_dim(source, header[1], dim, "the header claims")
        check_claim(source, header[0], 2 * dim + 1, len(line))  # a digit and a blank each, and a token
        number, line = 2, _line(source, 2)
    elif dim is None:
        dim = check_dim(source, _trailing_numbers(source, line), None, "line 1 has")
    else:
        check_dim(source, dim, None, "dim is")
    while line:
        token, values = _split(source, line, dim, said, number)
        if number == (1 if header is None else 2):
            table.begin(dim)
        if not (token.isascii() or is_utf8(token)):
            if bad_tokens == "error":
                raise source.error(
                    f"the token {token[:40]!r} is not UTF-8 (bad_tokens='skip' passes such lines over)", line=number
                )
            table.skip()
        elif table.wants(token):
            table.put(token, _numbers(source, values, dim, number))
        number += 1
        line = _line(source, number)
    if header is not None and table.rows != header[0]:
        raise source.error(f"the header claims {header[0]:,} vectors, the file has {table.rows:,}", line=1)
    if not table.rows:
        raise source.error("holds no vectors")


def is_utf8(token: bytes) -> bool:
    """Whether the bytes are whole characters."""
    try:
        token.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _line(source: Source, number: int) -> bytes:
    line = source.reader.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise source.error(f"is longer than {_MAX_LINE:,} bytes: not a vector in text form", line=number)
    return line


def _trailing_numbers(source: Source, line: bytes) -> int:
    """How many numbers the first line ends in, its first field left out."""
    if not line:
        raise source.error("is empty")
    fields = line.split()
    numbers = 0
    for field in reversed(fields[1:]):
        if not _is_number(field):
            break
        numbers += 1
    between = fields[1 : len(fields) - numbers]  # a token's further words; or numbers, and something that is none
    if wrong := [field for field in between if _is_like_a_number(field)]:
        field = between[-1] if _is_number(wrong[-1]) else wrong[-1]
        raise source.error(f"{_shown(field)} is not a number", line=1)
    if not numbers:
        raise source.error("is no token with its numbers: not a file of vectors in text form", line=1)
    return numbers


def _split(source: Source, line: bytes, dim: int, said: bool, number: int) -> tuple[bytes, bytes]:
    """The token and the rest, which has D numbers."""
    row = line.rstrip()
    blanks = row.count(b" ")
    if blanks == dim and (end := row.find(b" ")) > 0:  # nearly every line of nearly every file
        return row[:end], row[end:]
    fields = row.rsplit(None, dim)
    if len(fields) <= dim:
        raise source.error(f"a token and {dim:,} numbers are expected, not {len(fields):,} fields", line=number)
    words = fields[0].split()
    if len(words) > 1 and not said and _is_number(words[-1]):
        raise source.error(
            f"ends in more than {dim:,} numbers (with dim={dim} said, the first of them belong to the token)",
            line=number,
        )
    return fields[0], b" ".join(fields[1:])


def _is_like_a_number(field: bytes) -> bool:
    """Whether Python takes it for a number: ``nan``, ``1_000``, digits of any script."""
    try:
        float(field.decode("utf-8", "replace"))
    except ValueError:
        return False
    return True


def _shown(field: bytes) -> str:
    return repr(field[:40].decode("utf-8", "backslashreplace"))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return not field.translate(None, _NUMERALS)


def _numbers(source: Source, values: bytes, dim: int, number: int) -> npt.NDArray[np.float32]:
    fields = values.split()
    if len(fields) != dim:
        raise source.error(f"a token and {dim:,} numbers are expected, not {1 + len(fields):,} fields", line=number)
    try:
        if values.translate(None, _NUMERALS + b" \t"):
            raise ValueError
        vector = np.array([float(field) for field in fields])
    except ValueError:
        wrong = next(field for field in fields if not _is_number(field))
        raise source.error(
            f"{_shown(wrong)} is not a number (if it belongs to the token, dim is less than {dim:,})", line=number
        ) from None
    if not np.abs(vector).max() <= _LARGEST:
        raise source.error("a number is too large for float32", line=number)
    return vector.astype(np.float32)
