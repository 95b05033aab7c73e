"""``--import``, which every command has that builds a model."""

from __future__ import annotations

import argparse

__all__ = ["add_import"]


def add_import(parser: argparse.ArgumentParser) -> None:
    """Adds the option; `rnnzoo.cli.main` carries it out before the command runs."""
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="FILE.py|PACKAGE",
        help="run this code first, which registers cells of your own; may be repeated",
    )
