"""Ending a text before a stop string, also when the string arrives in pieces."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UserError

__all__ = ["StopScanner", "stop_strings"]


def stop_strings(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """`stop`, one string or several or None, as a tuple.

    Raises:
        UserError: one is empty.
    """
    strings = () if stop is None else (stop,) if isinstance(stop, str) else tuple(stop)
    if "" in strings:
        raise UserError("a stop string must not be empty")
    return strings


class StopScanner:
    """Passes text through up to the first stop string.

    Text that could be the beginning of a stop string is held back until the next piece decides.

    Args:
        stop: the stop strings; none passes everything through.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        self._stop = tuple(stop)
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text that is certain not to belong to a stop string; nothing after one was met."""
        if self.stopped:
            return ""
        if not self._stop:
            return piece
        text = self._held + piece
        found = [at for at in map(text.find, self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max(_overlap(text, string) for string in self._stop)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What is still held back, when no more text will come."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, string: str) -> int:
    """The length of the longest end of `text` that `string` begins with, short of the whole string."""
    return next((n for n in range(min(len(string) - 1, len(text)), 0, -1) if text.endswith(string[:n])), 0)
