"""What the commands and the Python on the first pages print: README.md and docs/index.md.

python -m benchmarks.front            # runs them, and writes what they printed below them
python -m benchmarks.front --check    # exit code 1 where a page shows something else

Run is what a fence of ``text`` follows, as on a page of the tour.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.tour.page import run
from rnnzoo.errors import UserError
from rnnzoo.files import write_text

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/index.md")


def made(page: str) -> str:
    """The page with what its code prints.

    Raises:
        UserError: a command on it failed.
    """
    return run((ROOT / page).read_text(encoding="utf-8"), page, shown_only=True)[0]


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the pages are up to date")
    options = parser.parse_args(arguments)
    stale = []
    for page in PAGES:
        try:
            text = made(page)
        except UserError as error:
            print(f"benchmarks.front: {error}", file=sys.stderr)
            return error.exit_code
        if not options.check:
            write_text(ROOT / page, text)
        elif text != (ROOT / page).read_text(encoding="utf-8"):
            stale.append(page)
    if stale:
        print(f"out of date: {', '.join(stale)}; run `python -m benchmarks.front`", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
