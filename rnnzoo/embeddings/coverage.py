"""How much of a vocabulary a vector file knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Coverage"]


@dataclass(frozen=True)
class Coverage:
    """What was found of a vocabulary.

    Args:
        source: the file, without folders. rows: vectors that it has. dim: D, numbers of each.
        types: tokens of the vocabulary, V.
        exact: those with a vector of their own.
        case: those that took the vector of another spelling (lower, capitalised, upper case).
        subword: those whose vector was put together from n-grams (fastText).
        tokens: running tokens that the vocabulary stands for; None where counts were not given.
        found_tokens: running tokens with a vector.
        duplicates: rows of tokens that had come before; the first one counts. Looked for in the vocabulary only.
        skipped: rows whose token is not UTF-8, passed over on request.
        missed: the first tokens without any, most frequent first where counts were given.
    """

    source: str
    rows: int
    dim: int
    types: int
    exact: int
    case: int = 0
    subword: int = 0
    tokens: int | None = None
    found_tokens: int | None = None
    duplicates: int = 0
    skipped: int = 0
    missed: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        """Tokens of the vocabulary with a vector, however it was found."""
        return self.exact + self.case + self.subword

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"missed": list(self.missed)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Coverage:
        """`to_dict`'s inverse."""
        return cls(**{**data, "missed": tuple(data["missed"])})

    def __str__(self) -> str:
        how = [
            f"{count:,} {what}"
            for count, what in ((self.case, "in another case"), (self.subword, "from n-grams"))
            if count
        ]
        text = f"{self.source}: {self.rows:,} x {self.dim}; vectors for {_share(self.found, self.types)} types"
        text += f" ({', '.join(how)})" if how else ""
        if self.tokens is not None and self.found_tokens is not None:
            text += f", {_share(self.found_tokens, self.tokens)} tokens"
        text += f"; {self.duplicates:,} duplicates left out" if self.duplicates else ""
        text += f"; {self.skipped:,} rows not UTF-8 left out" if self.skipped else ""
        if self.missed:
            more = " ..." if self.types - self.found > len(self.missed) else ""
            text += f"; without one: {' '.join(map(repr, self.missed))}{more}"
        return text


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({100 * part / max(whole, 1):.1f}%)"
