"""``rnnzoo list``: the zoo."""

from __future__ import annotations

import argparse
import json
import sys

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("list", help="the zoo", description="Lists the trained models.")
    parser.add_argument("pattern", nargs="?", default="*", metavar="PATTERN", help="such as 'char-*'")
    parser.add_argument("--task", metavar="NAME", help="only of this task, such as char_lm")
    parser.add_argument("--cell", metavar="NAME", help="only with this cell, such as lstm")
    parser.add_argument(
        "--commercial", action="store_true", help="only those whose training text is not for research only"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each model; returns the exit code."""
    from rnnzoo.zoo import list_models, model_facts
    from rnnzoo.zoo.registry import zoo_folders

    folders = zoo_folders()
    names = list_models(args.pattern, task=args.task, cell=args.cell, commercial=args.commercial)
    here = {name: folder for name in names if (folder := folders[name]) is not None}
    facts = [model_facts(name, folder) for name, folder in here.items()]
    elsewhere = [name for name in names if name not in here]
    if args.json:
        listed = [*facts, *({"name": name, "folder": None} for name in elsewhere)]
        print(json.dumps(sorted(listed, key=lambda one: one["name"]), indent=1, ensure_ascii=False))
        return 0
    if not names:
        print("rnnzoo: no model is like that", file=sys.stderr)
        return 0
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "task", "cell", box=None, header_style="bold", pad_edge=False)
    for heading in ("parameters", "MB", "score"):
        table.add_column(heading, justify="right")
    table.add_column("")
    table.add_column("trained", justify="right")
    table.add_column("licence of the data")
    for one in facts:
        row = (one["name"], one["task"], one["cell"], _number(one["parameters"], ",d"), f"{one['bytes'] / 1e6:.1f}")
        score = ("", "")
        if one["score"] is not None:
            digits = 4 if one["score_name"].startswith(("bits", "nats")) else 2
            score = (f"{one['score']:.{digits}f}", f"{one['score_name']}, {one['split']}")
        seconds = one["training_seconds"]
        time = "" if seconds is None else f"{seconds / 60:.0f} min"
        table.add_row(*(escape(str(cell)) for cell in (*row, *score, time, one["licence"])))
    for name in elsewhere:
        table.add_row(escape(name), *[""] * 7, f"on the hub: rnnzoo download {escape(name)}")
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(table)
    return 0


def _number(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, (int, float)) else ""
