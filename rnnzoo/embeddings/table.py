"""The rows of a vocabulary, filled while a file is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["EXACT", "MISSED", "SUBWORD", "Table", "as_bytes", "fill_missing", "forms"]

EXACT, SUBWORD, MISSED = 0, 254, 255
"""How a row was found: 0 exactly, 1 to 3 in another case, from n-grams, not at all."""

_ROWS = 1024  # worked on at a time, so that nothing of the matrix's own size is made beside it


def forms(word: str, case_fallback: bool) -> tuple[str, ...]:
    """The spellings under which `word` may be found, the preferred first."""
    return (word, word.lower(), word.capitalize(), word.upper()) if case_fallback else (word,)


class Table:
    """A matrix (V, D) over a vocabulary, and which of its rows were found and how.

    Args:
        vocabulary: V tokens. case_fallback: whether a row may come from another spelling of its token.

    Attributes:
        matrix: (V, D) float32, made by `begin`. how: (V,) uint8, see `MISSED`.
        rows: vectors that the file has. duplicates, skipped: see `Coverage`.
    """

    def __init__(self, vocabulary: Sequence[str], case_fallback: bool = False) -> None:
        self.vocabulary, self.case_fallback = vocabulary, case_fallback
        self.matrix: npt.NDArray[np.float32] = np.empty((len(vocabulary), 0), np.float32)
        self.how = np.full(len(vocabulary), MISSED, np.uint8)
        self.rows = self.duplicates = self.skipped = 0
        # A place is 4 * row + rank. A token has its first place, ~place once it was seen in the file; places that share
        # a token are chained. An int for each token, not a list: a vocabulary may have millions.
        self._places: dict[bytes, int] = {}
        self._next: dict[int, int] = {}
        for row in reversed(range(len(vocabulary))):
            for rank, form in enumerate(forms(vocabulary[row], case_fallback)):
                token, place = as_bytes(form), 4 * row + rank
                if token in self._places:
                    self._next[place] = self._places[token]
                self._places[token] = place

    def begin(self, dim: int) -> None:
        """Makes room for vectors of `dim` numbers; called once the first of them was seen."""
        self.matrix = np.zeros((len(self.vocabulary), dim), np.float32)

    def wants(self, token: bytes) -> bool:
        """Whether the vector of `token`, UTF-8, is needed; it is asked once for each row of the file."""
        self.rows += 1
        place = self._places.get(token)
        if place is None:
            return False
        if place < 0:
            self.duplicates += 1
            return False
        self._places[token] = ~place
        return True

    def skip(self) -> None:
        """Counts a row whose token is not UTF-8."""
        self.rows += 1
        self.skipped += 1

    def put(self, token: bytes, vector: npt.NDArray[np.float32]) -> None:
        """Stores the vector (D,) of a token that is wanted, where no better spelling was there before."""
        place: int | None = ~self._places[token]
        while place is not None:
            row, rank = divmod(place, 4)
            if rank < self.how[row]:
                self.matrix[row], self.how[row] = vector, rank
            place = self._next.get(place)

    def missing(self) -> Iterator[npt.NDArray[np.intp]]:
        """The numbers of the rows that were not found, some at a time."""
        rows = np.flatnonzero(self.how == MISSED)
        for start in range(0, len(rows), _ROWS):
            yield rows[start : start + _ROWS]


def as_bytes(word: str) -> bytes:
    """UTF-8; a lone surrogate gives bytes that are in no valid file."""
    return word.encode("utf-8", "surrogatepass")


def fill_missing(table: Table, seed: int) -> None:
    """Draws the rows that were not found from a normal distribution with the found rows' mean and variance.

    Both are those of each dimension. The draws depend on `seed` and the missing rows' number only.
    """
    found = table.how != MISSED
    count = int(found.sum())
    mean = np.zeros(table.matrix.shape[1])
    for block, mask in _blocks(table.matrix, found):
        mean += block[mask].sum(0, dtype=np.float64) / count
    variance = np.zeros_like(mean)
    for block, mask in _blocks(table.matrix, found):
        variance += ((block[mask] - mean) ** 2).sum(0) / count
    generator, spread = np.random.default_rng(seed), np.sqrt(variance)
    for rows in table.missing():
        table.matrix[rows] = mean + spread * generator.standard_normal((len(rows), len(mean)))


def _blocks(
    matrix: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    for start in range(0, len(matrix), _ROWS):
        yield matrix[start : start + _ROWS], mask[start : start + _ROWS]
