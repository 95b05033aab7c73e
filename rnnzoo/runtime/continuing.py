"""How a session's rows are continued, whatever computes them: as lists of pieces, one text, or whole texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import UserError
from ..text import Tokenizer
from .sampling import SamplingConfig, sampling_of
from .stop import stop_strings

__all__ = ["TAIL", "Continuing"]

TAIL = 8
"""Tokens from which a decoder recovers what it was holding back; UTF-8 needs 3."""


class Continuing(ABC):
    """A session: `num` rows, of each of which it knows the last tokens."""

    __slots__ = ()
    num: int

    @property
    @abstractmethod
    def _tokenizer(self) -> Tokenizer: ...

    @abstractmethod
    def _tail(self, row: int) -> Sequence[int]:
        """The last tokens of a row, at most `TAIL`."""

    @abstractmethod
    def _stream_rows(
        self, max_new_tokens: int, sampling: SamplingConfig, strings: tuple[str, ...]
    ) -> Iterator[list[str]]:
        """What `stream_rows` yields, its arguments checked."""

    def stream_rows(
        self,
        max_new_tokens: int = 500,
        sampling: SamplingConfig | None = None,
        *,
        stop: str | Sequence[str] | None = None,
        **options: Any,
    ) -> Iterator[list[str]]:
        """Continues all rows; yields, token by token, each row's new text, which may be empty.

        The session moves on with every piece that is taken, so a caller may stop early and go on later.
        An incomplete character at the end comes with the next call; `flush` gives it up.

        Args:
            max_new_tokens: at most so many tokens for each row.
            sampling: temperature and filters; plain sampling if None.
            stop: a row's text ends before the first of these strings; the row itself stands after it.
            options: `SamplingConfig`'s fields, in place of `sampling`.

        Raises:
            UserError: a value is out of range.
        """
        sampling = sampling_of(sampling, options)
        strings = stop_strings(stop)
        if max_new_tokens < 0:
            raise UserError(f"max_new_tokens must be 0 or more, not {max_new_tokens}")
        return self._stream_rows(max_new_tokens, sampling, strings)

    def stream(
        self, max_new_tokens: int = 500, sampling: SamplingConfig | None = None, **options: Any
    ) -> Iterator[str]:
        """Continues a session of one row, piece by piece; the arguments are those of `stream_rows`."""
        if self.num != 1:
            raise UserError(f"this session has {self.num} rows: use stream_rows or generate")
        return (rows[0] for rows in self.stream_rows(max_new_tokens, sampling, **options) if rows[0])

    def generate(self, max_new_tokens: int = 500, sampling: SamplingConfig | None = None, **options: Any) -> list[str]:
        """Each row's continuation; the arguments are those of `stream_rows`."""
        pieces = list(self.stream_rows(max_new_tokens, sampling, **options))
        return ["".join(row) for row in zip(*pieces, strict=True)] if pieces else [""] * self.num

    def _decoder(self, row: int) -> Any:
        """A reader of tokens that holds back what this row's last ones left incomplete."""
        decoder = self._tokenizer.reader()
        for token in self._tail(row):
            decoder.feed(token)
        return decoder
