"""Makes the tour: runs the code of its pages, draws their pictures, and writes both into docs/tour.

    python -m benchmarks.tour                   # all pages; or: make tour
    python -m benchmarks.tour 05-hello          # one of them

Beside the code that a page shows there is a module of its name here, ``hello.py``: ``make(images, names)`` draws the
page's pictures from what that code computed, and returns its tables. Page 7 needs the text of Tiny Shakespeare.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

import torch

from benchmarks.tour.page import filled, run
from rnnzoo.errors import UserError
from rnnzoo.files import write_text

DOCS = Path(__file__).resolve().parents[2] / "docs" / "tour"
PAGES = [path.stem for path in sorted(DOCS.glob("[0-9]*.md"))]


def made(page: str, images: Path) -> str:
    """The text of a page after everything on it was run; its pictures are drawn into `images`.

    Raises:
        UserError: something on it failed, or its places and its tables do not fit.
    """
    name = f"docs/tour/{page}.md"
    text, names = run((DOCS / f"{page}.md").read_text(encoding="utf-8"), name)
    module = importlib.import_module(f"benchmarks.tour.{page.split('-', 1)[1].replace('-', '_')}")
    return filled(text, module.make(images, names), name)


def main(arguments: list[str] | None = None) -> int:
    """Writes the pages; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tour", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"all unless said: {' '.join(PAGES)}")
    parser.add_argument("--threads", type=int, default=1, help="(1)")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.pages) - set(PAGES)):
        parser.error(f"there is no page {', '.join(unknown)}; there are {', '.join(PAGES)}")
    torch.set_num_threads(options.threads)
    for page in options.pages or PAGES:
        begun, used = time.perf_counter(), time.process_time()
        try:
            write_text(DOCS / f"{page}.md", made(page, DOCS / "images"))
        except UserError as error:
            print(f"benchmarks.tour: {error}", file=sys.stderr)
            return error.exit_code
        seconds, used = time.perf_counter() - begun, time.process_time() - used
        print(f"{page}: {seconds:.0f} s, {used:.0f} of them on a processor", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
