"""``rnnzoo runs``: the results of runs as one table."""

from __future__ import annotations

import argparse
import json
import sys

from rnnzoo.cli.text_io import notice

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "runs",
        help="the results of runs as one table",
        description="Lists the runs of a folder: recipe, score, time, folder. In Python: rnnzoo.results().",
    )
    parser.add_argument("folder", nargs="?", default="runs", metavar="DIR", help="where run folders are (runs)")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--csv", action="store_true", help="all that is known of each, as CSV")
    forms.add_argument("--json", action="store_true", help="the same as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each run; returns the exit code."""
    from rnnzoo.zoo.results import as_csv, read_results

    rows = read_results(args.folder)
    if args.csv or args.json:
        sys.stdout.write(as_csv(rows) if args.csv else json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
        return 0
    if not rows:
        notice(f"{args.folder}: no runs yet")
        return 0
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("recipe", "run", "cell", box=None, header_style="bold", pad_edge=False)
    for heading in ("parameters", "score"):
        table.add_column(heading, justify="right")
    table.add_column("")
    table.add_column("minutes", justify="right")
    table.add_column("folder")
    for row in rows:
        parameters = "" if row["parameters"] is None else f"{row['parameters']:,}"
        score = "" if row["score"] is None else f"{row['score']:.4g}"
        minutes = "" if row["seconds"] is None else f"{row['seconds'] / 60:.1f}"
        named = f"{row['score_name']} ({row['split']})" if row["score"] is not None else row["state"]
        cells = (row["recipe"], row["run"], row["cell"] or "", parameters, score, named, minutes, row["folder"])
        table.add_row(*(escape(cell) for cell in cells))
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe: one line a run, however long
        console = Console(highlight=False, width=200)
    console.print(table)
    return 0
