"""A page of the tour: Markdown whose code is run and whose output is what the code printed.

A fence of ``python`` is run, and so is one of ``sh`` that holds one ``rnnzoo`` command where a fence of ``text``
follows; what was printed fills that fence. All Python of a page shares its names. Tables stand between marks that name
them.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from typing import Any

from rnnzoo.cli import main
from rnnzoo.errors import UserError

__all__ = ["filled", "grid", "run"]

FENCE = re.compile(r"^```(python|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"(<!-- benchmarks.tour (\w+): begin -->\n).*?(<!-- benchmarks.tour \2: end -->)", re.DOTALL)


def run(text: str, name: str, *, shown_only: bool = False) -> tuple[str, dict[str, Any]]:
    """Runs the code of a page from top to bottom.

    Args:
        text: the page. name: stands in tracebacks.
        shown_only: leave out Python that no ``text`` follows.

    Returns:
        The page with what was printed, and the names that its Python has left.

    Raises:
        UserError: a command of the page failed.
    """
    names: dict[str, Any] = {"__name__": "tour"}

    def replaced(fence: re.Match[str]) -> str:
        kind, code, shown = fence.groups()
        if shown is None and (kind == "sh" or shown_only):
            return fence[0]
        line = text.count("\n", 0, fence.start(2))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if kind == "python":
                exec(compile("\n" * line + code, name, "exec"), names)
            else:
                command = shlex.split(code.replace("\\\n", " "))
                if command[0] != "rnnzoo" or main(command[1:]):
                    raise UserError(
                        f"`{code.strip()}` cannot be run, or failed", path=name, position=f"line {line + 1}"
                    )
        if shown is None:
            if printed.getvalue():
                raise UserError(
                    "this prints, and no ```text follows that would show it", path=name, position=f"line {line + 1}"
                )
            return fence[0]
        lines = "".join(f"{each.rstrip()}\n" for each in printed.getvalue().rstrip().split("\n"))
        return f"```{kind}\n{code}```\n\n```text\n{lines}```\n"

    return FENCE.sub(replaced, text), names


def filled(text: str, tables: dict[str, str], name: str) -> str:
    """The page with its tables, Markdown by the names of their places.

    Raises:
        UserError: the page has not exactly these places.
    """
    if sorted(place[1] for place in PLACE.findall(text)) != sorted(tables):
        raise UserError(f"needs the places {', '.join(sorted(tables)) or '(none)'}, each once", path=name)
    return PLACE.sub(lambda place: f"{place[1]}\n{tables[place[2]].strip()}\n\n{place[3]}", text)


def grid(heading: list[str], rows: list[list[str]]) -> str:
    """A table; its first column to the left, all others to the right."""
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
