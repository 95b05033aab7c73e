"""The one error that is meant for users: one line, the place, what to do."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

__all__ = ["UserError", "nearest"]

_LONG = 300  # characters of a word
_WHOLE = 960  # characters of a line
_LISTED = 600  # characters of a list of names


class UserError(Exception):
    """Something the user can put right: a file, a name, a setting.

    The command prints it as one line on stderr and exits with `exit_code`; Python users catch it
    like any exception.

    Args:
        message: what is wrong and, where it helps, what would be right; line breaks become spaces,
            what a terminal would obey is escaped, and the middle of a word or of a line beyond all measure is left out.
        path: the file at fault, put in front.
        position: where in the file, as people count it: ``"line 3"``, ``"byte 120"``.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, path: str | os.PathLike[str] | None = None, position: str | None = None
    ) -> None:
        place = "" if path is None else f"{os.fspath(path)}: "
        if position is not None:
            place = f"{place[:-2]}, {position}: " if place else f"{position}: "
        line = " ".join(_shown(word) for word in f"{place}{message}".split())
        super().__init__(line if len(line) <= _WHOLE else f"{line[: _WHOLE // 2]} ... {line[-_WHOLE // 3 :]}")


def _shown(word: str) -> str:
    """A word that is safe to print, however it came about."""
    if len(word) > _LONG:
        word = f"{word[: _LONG // 2]}...{word[-_LONG // 2 :]}"
    return word if word.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in word)


def nearest(name: str, options: Iterable[str]) -> str:
    """``" (did you mean 'lstm'?)"``, or the options when none is near, or nothing when there are none."""
    known = sorted(options)
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        return f" (did you mean {near[0]!r}?)"
    listed = ", ".join(known)
    if len(listed) > _LISTED:
        few = listed[:_LISTED].rpartition(", ")[0]
        listed = f"{few} and {len(known) - len(few.split(', '))} more"
    return f" (known: {listed})" if known else ""
