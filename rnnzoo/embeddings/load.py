"""Word vectors from any of the formats, as a matrix over a vocabulary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from rnnzoo.embeddings.coverage import Coverage
from rnnzoo.embeddings.fasttext import MAGIC, read_fasttext
from rnnzoo.embeddings.hub import PREFIX, fetch
from rnnzoo.embeddings.source import open_source
from rnnzoo.embeddings.table import EXACT, MISSED, SUBWORD, Table, fill_missing
from rnnzoo.embeddings.text import MAX_DIM, BadTokens, parse_header, read_text
from rnnzoo.embeddings.word2vec import read_word2vec
from rnnzoo.errors import UserError
from rnnzoo.text import Tokenizer

__all__ = ["Format", "Vectors", "load_vectors"]

Format = Literal["auto", "text", "word2vec", "fasttext"]

_READERS = {"text": read_text, "word2vec": read_word2vec, "fasttext": read_fasttext}
_EXAMPLES = 10


@dataclass(frozen=True)
class Vectors:
    """Vectors over a vocabulary.

    Attributes:
        matrix: (V, D) float32; rows that were not found are drawn with the found ones' mean and variance.
        found: (V,) bool, which rows are the file's.
        coverage: how much was found; print it.
    """

    matrix: npt.NDArray[np.float32]
    found: npt.NDArray[np.bool_]
    coverage: Coverage

    @property
    def dim(self) -> int:
        """D, numbers of a vector."""
        return int(self.matrix.shape[1])


def load_vectors(
    source: str | os.PathLike[str],
    vocabulary: Sequence[str] | Tokenizer,
    *,
    member: str | None = None,
    format: Format = "auto",
    dim: int | None = None,
    case_fallback: bool = False,
    bad_tokens: BadTokens = "error",
    counts: Sequence[int] | None = None,
    seed: int = 0,
) -> Vectors:
    """Reads the vectors of a vocabulary from a file of GloVe, word2vec or fastText.

    The file is read once, as a stream, and only the vocabulary's rows are kept. Of rows with the same token the first
    counts. fastText's ``.bin`` models give vectors to words that they have not seen, from their n-grams.

    Args:
        source: a file, plain, gzip or zip, or ``hub:org/repo/path`` for one of a hub repository.
        vocabulary: the tokens of the matrix's rows, or the tokenizer that has them.
        member: which file of a zip; may be left out where there is only one.
        format: what the file holds; found out from its first bytes unless said.
        dim: D; needed only for text without a header whose first token has blanks and numbers in it.
        case_fallback: a token that is not in the file takes the vector of the first of these that is: in lower case,
            capitalised, in upper case.
        bad_tokens: whether a token of the file that is not UTF-8 is an ``"error"``, or its row is left out
            (``"skip"``): tools that cut long tokens may cut characters.
        counts: how often each token of the vocabulary occurs in a text, for the coverage report.
        seed: of the rows that are drawn.

    Returns:
        The matrix, which rows are the file's, and the coverage.

    Raises:
        UserError: the file is missing, damaged, truncated, of another form or dimension than said, or has no vector
            for any token; names the line or the byte.
        ValueError: an empty vocabulary, an unknown format, counts that do not fit the vocabulary.
    """
    tokens = _words(vocabulary) if isinstance(vocabulary, Tokenizer) else vocabulary
    if not len(tokens) or (counts is not None and len(counts) != len(tokens)):
        raise ValueError(f"{len(tokens)} tokens, {'no' if counts is None else len(counts)} counts")
    if format not in get_args(Format) or bad_tokens not in get_args(BadTokens):
        raise ValueError(f"format {format!r} or bad_tokens {bad_tokens!r} is not known")
    given = os.fspath(source)
    path = fetch(given) if given.startswith(PREFIX) else Path(given)
    table = Table(tokens, case_fallback)
    if format == "auto":
        with open_source(path, member) as opened:
            format = _detect(opened.reader.read(MAX_DIM * 4))
    with open_source(path, member) as opened:
        _READERS[format](opened, table, dim, bad_tokens)
        name = opened.name
    found = table.how != MISSED
    if not found.any():
        shown = " ".join(map(repr, tokens[:5]))
        case = "" if case_fallback else ", and try case_fallback"
        raise UserError(
            f"none of the vocabulary's {len(tokens):,} tokens ({shown} ...) is among the file's {table.rows:,}: "
            f"see that both are of one language{case}",
            path=name,
        )
    fill_missing(table, seed)
    return Vectors(table.matrix, found, _coverage(table, tokens, counts, Path(given).name, member))


def _words(tokenizer: Tokenizer) -> list[str]:
    """Its tokens without the blank that the tokens of running text begin with."""
    return [token[1:] if len(token) > 1 and token[0] == " " else token for token in tokenizer.token_texts()]


def _detect(head: bytes) -> Literal["text", "word2vec", "fasttext"]:
    """The format of a file that begins with `head`.

    A headerless fastText model begins with D as four bytes, of which a small number leaves two zero. Behind a header
    ``N D`` and a token come D numbers: in binary, they have bytes that no number in text form has.
    """
    if head.startswith(MAGIC) or (head[2:4] == b"\0\0" and head[:2] != b"\0\0"):
        return "fasttext"
    line, _, rest = head.partition(b"\n")
    header = parse_header(line)
    if header is None:
        return "text"
    values = rest[rest.find(b" ") + 1 :][: 4 * header[1]]
    numerals = len(values) - len(values.translate(None, b"0123456789+-.eE \r\n\t"))
    controls = len(values) - len(values.translate(None, bytes({*range(32)} - {*b"\r\n\t"})))
    return "word2vec" if controls or 2 * numerals < len(values) else "text"


def _coverage(
    table: Table, tokens: Sequence[str], counts: Sequence[int] | None, name: str, member: str | None
) -> Coverage:
    how = table.how
    missed = np.flatnonzero(how == MISSED)
    found_tokens = total = None
    if counts is not None:
        weights = np.asarray(counts)
        total, found_tokens = int(weights.sum()), int(weights[how != MISSED].sum())
        missed = missed[np.argsort(-weights[missed], kind="stable")]
    return Coverage(
        source=name if member is None else f"{name}/{member}",
        rows=table.rows,
        dim=table.matrix.shape[1],
        types=len(tokens),
        exact=int((how == EXACT).sum()),
        case=int(((how != EXACT) & (how != SUBWORD) & (how != MISSED)).sum()),
        subword=int((how == SUBWORD).sum()),
        tokens=total,
        found_tokens=found_tokens,
        duplicates=table.duplicates,
        skipped=table.skipped,
        missed=tuple(tokens[row] for row in missed[:_EXAMPLES]),
    )
