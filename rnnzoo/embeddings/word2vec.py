"""word2vec's binary format (Mikolov et al. 2013).

``N D\\n``, then N records of a token, a blank and D float32, little-endian. The original tool writes a newline behind
every record, gensim writes none.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.embeddings.source import ByteReader, Source
from rnnzoo.embeddings.table import Table
from rnnzoo.embeddings.text import BadTokens, check_claim, check_dim, is_utf8, parse_header

__all__ = ["read_word2vec"]

_MAX_TOKEN = 1 << 16  # bytes


def read_word2vec(source: Source, table: Table, dim: int | None, bad_tokens: BadTokens) -> None:
    """Reads all records; the numbers of those that the table wants.

    Args:
        source: the file. table: takes the vectors. dim: D, where known. bad_tokens: what becomes of tokens that
            are not UTF-8, such as those that the original tool has cut to its length.

    Raises:
        UserError: no header, one that does not tell the truth, a file that ends early or late, a number that is
            not finite.
    """
    line = source.reader.readline(64)
    header = parse_header(line) if line.endswith(b"\n") else None
    if header is None:
        raise source.error("has no header 'N D': not a word2vec binary", byte=0)
    rows, dim = header[0], check_dim(source, header[1], dim, "the header claims")
    check_claim(source, rows, 4 * dim + 2, len(line))  # a token of one byte at least, and a blank
    reader, newline = ByteReader(source, len(line)), False
    for row in range(rows):
        what, begin = f"vector {row + 1:,} of {rows:,}", reader.at
        token = reader.until(b" ", _MAX_TOKEN, what)
        numbers = reader.take(4 * dim, what)
        if row == 0:
            newline = reader.next_is(b"\n")  # behind every record, or behind none
            table.begin(dim)
        if newline and reader.take(1, what) != b"\n":
            raise source.error(f"{what} does not end where it should: damaged", byte=reader.at - 1)
        if not (token.isascii() or is_utf8(token)):
            if bad_tokens == "error":
                shown = f"the token {token[:40]!r} is not UTF-8 (bad_tokens='skip' passes such vectors over)"
                raise source.error(shown, byte=begin)
            table.skip()
        elif table.wants(token):
            vector = np.frombuffer(numbers, "<f4")
            if not np.isfinite(vector).all():
                raise source.error(f"the vector of {token.decode()!r} has a number that is not finite", byte=begin)
            table.put(token, vector)
    reader.end(f"the {rows:,} vectors that the header claims")
