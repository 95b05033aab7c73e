"""``rnnzoo list``: the zoo."""

from __future__ import annotations

import argparse
import json
import sys

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("list", help="the zoo", description="Lists the trained models that are at hand.")
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
    from rnnzoo.zoo import entry_names, list_models, model_facts

    entries = entry_names()
    names = list_models(args.pattern, task=args.task, cell=args.cell, commercial=args.commercial)
    facts = [model_facts(name, entries[name]) for name in names]
    if args.json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
        return 0
    if not facts:
        print("rnnzoo: no model is like that", file=sys.stderr)
        return 0
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "task", "cell", box=None, header_style="bold", pad_edge=False)
    for heading in ("parameters", "MB", "bits", "perplexity", "trained"):
        table.add_column(heading, justify="right")
    table.add_column("licence of the data")
    for one in facts:
        row = (one["name"], one["task"], one["cell"], _number(one["parameters"], ",d"), f"{one['bytes'] / 1e6:.1f}")
        figures = (_number(one["bits"], ".4f"), _number(one["ppl"], ".3f"))
        seconds = one["training_seconds"]
        time = "" if seconds is None else f"{seconds / 60:.0f} min"
        table.add_row(*(escape(str(cell)) for cell in (*row, *figures, time, one["licence"])))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(table)
    return 0


def _number(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, (int, float)) else ""
