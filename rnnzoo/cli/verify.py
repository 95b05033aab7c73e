"""``rnnzoo verify``: a published model's files, logits and score, checked on this machine."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from rnnzoo.cli.plugins import add_import
from rnnzoo.errors import UserError

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "verify",
        help="prove a model's files, logits and score on this machine",
        description="Compares hashes and golden logits, then measures the score again. Exit code 1: something is off.",
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("--all", action="store_true", help="every entry that is at hand")
    parser.add_argument("--data", metavar="DIR", help="where the corpora lie (RNNZOO_DATA)")
    parser.add_argument("--quick", action="store_true", help="hashes and golden logits only")
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where the text files now are, for own text")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each check; returns the exit code."""
    if bool(args.models) == args.all:
        raise UserError("say which: MODEL ..., or --all")
    if args.data is not None:
        if not os.path.isdir(args.data):
            raise UserError("no such folder", path=args.data)
        os.environ["RNNZOO_DATA"] = args.data
    from rnnzoo.zoo import entry_names, find_model
    from rnnzoo.zoo.verifying import verify

    models = list(entry_names()) if args.all else args.models
    if not models:
        raise UserError("there are no entries here")
    folders = {
        model: find_model(model, pinned=False) for model in models
    }  # a misspelt name before anything is measured
    results = {model: verify(model, folder, quick=args.quick, files=args.text) for model, folder in folders.items()}
    if args.json:
        print(json.dumps({model: [asdict(check) for check in checks] for model, checks in results.items()}, indent=1))
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table("model", "check", "result", "detail", box=None, header_style="bold", pad_edge=False)
        style = {"ok": "green", "failed": "bold red", "not checked": "yellow"}
        for model, checks in results.items():
            for row, check in enumerate(checks):
                result = f"[{style[check.result]}]{check.result}[/]"
                table.add_row(escape(model) if row == 0 else "", check.what, result, escape(check.detail))
        console = Console(highlight=False)
        if not console.is_terminal:  # a file or a pipe: one line a check, however long
            console = Console(highlight=False, width=300)
        console.print(table)
    return int(any(check.result == "failed" for checks in results.values() for check in checks))
