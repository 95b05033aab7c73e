"""``rnnzoo see``: a model in the browser, running there."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rnnzoo.cli.plugins import add_import

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "see",
        help="look inside a model, in the browser",
        description="Makes the page that `rnnzoo export MODEL page.html` makes and opens it: the model runs in it.",
    )
    parser.add_argument("model", metavar="MODEL", nargs="+", help="up to four: names of the zoo, folders, or ORG/REPO")
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the page to a folder of its own, opens it, and says where it is; returns the exit code."""
    import webbrowser

    from rnnzoo.page import check_page, write_page

    folder = Path(tempfile.mkdtemp(prefix="rnnzoo-page-"))
    out = folder / "page.html"
    check_page(out, args.model)
    path = write_page(args.model, out)
    opened = webbrowser.open(path.as_uri())
    print(path if opened else f"{path}: open it in a browser")
    return 0
