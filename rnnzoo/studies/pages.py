"""Tables and paragraphs in Markdown, and their place in a page of the docs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import read_utf8, write_text

__all__ = ["around", "grid", "paragraph", "put_between"]


def grid(rows: Sequence[Sequence[str]]) -> str:
    """A table; the second row says how the columns are aligned."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def paragraph(text: str) -> str:
    """Text in lines of 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def around(page: Path, begin: str, end: str, what: str) -> tuple[str, str]:
    """What stands before and behind the place between two marks of a page.

    Args:
        page: the file. begin: the mark before. end: the mark behind. what: is to stand there, for a message.

    Raises:
        UserError: the page does not have the marks.
    """
    old = read_utf8(page) if page.is_file() else ""
    if begin not in old or end not in old:
        raise UserError(f"has no place for {what}: write {begin} and {end} where it is to stand", path=page)
    return old.split(begin)[0], old.split(end)[1]


def put_between(page: Path, begin: str, end: str, text: str, what: str) -> None:
    """Puts `text` between the two marks of a page, instead of what stands there; the arguments are those of `around`.

    Raises:
        UserError: the page does not have the marks.
    """
    before, after = around(page, begin, end, what)
    write_text(page, f"{before}{begin}\n\n{text}\n{end}{after}")
