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
    parser.add_argument("--language", metavar="CODE", help="only of this language, such as de; of either side")
    parser.add_argument(
        "--commercial", action="store_true", help="only those whose training text is not for research only"
    )
    parser.add_argument("--license", choices=("commercial",), help="the same as --commercial")
    parser.add_argument("--max-mb", type=float, metavar="MB", help="only with weights of at most so many megabytes")
    parser.add_argument(
        "--sort",
        choices=("name", "score", "size"),
        default="name",
        help="by name; by size; or by score, those of one task and one text beside each other, the best first (name)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each model; returns the exit code."""
    from rnnzoo.zoo import list_models, model_facts
    from rnnzoo.zoo.registry import zoo_folders

    folders = zoo_folders()
    names = list_models(
        args.pattern,
        task=args.task,
        cell=args.cell,
        language=args.language,
        commercial=args.commercial or args.license == "commercial",
        max_mb=args.max_mb,
        sort=args.sort,
    )
    here = {name: folder for name in names if (folder := folders[name]) is not None}
    facts = [model_facts(name, folder) for name, folder in here.items()]
    elsewhere = [name for name in names if name not in here]
    if args.json:
        found = {one["name"]: one for one in [*facts, *({"name": name, "folder": None} for name in elsewhere)]}
        print(json.dumps([found[name] for name in names], indent=1, ensure_ascii=False))
        return 0
    if not names:
        print("rnnzoo: no model is like that", file=sys.stderr)
        return 0
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "task", "cell", "languages", box=None, header_style="bold", pad_edge=False)
    for heading in ("parameters", "MB", "score"):
        table.add_column(heading, justify="right")
    table.add_column("")
    table.add_column("trained", justify="right")
    table.add_column("licence of the data")
    for one in facts:
        spoken = " ".join(one["languages"] or ())
        row = (
            one["name"],
            one["task"],
            one["cell"],
            spoken,
            _number(one["parameters"], ",d"),
            f"{one['bytes'] / 1e6:.1f}",
        )
        score = ("", "")
        if one["score"] is not None:
            digits = 4 if one["score_name"].startswith(("bits", "nats")) else 2
            score = (f"{one['score']:.{digits}f}", f"{one['score_name']}, {one['split']}")
        seconds = one["training_seconds"]
        time = "" if seconds is None else f"{seconds / 60:.0f} min"
        table.add_row(*(escape(str(cell)) for cell in (*row, *score, time, one["licence"])))
    for name in elsewhere:
        table.add_row(escape(name), *[""] * 8, escape(_where(name)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(table)
    return 0


def _where(name: str) -> str:
    """How to get an entry that is not here."""
    from rnnzoo.zoo.finding import GET_ALL
    from rnnzoo.zoo.manifest import read_manifest

    published = read_manifest()["entries"].get(name, {}).get("repo")
    return f"on the hub: rnnzoo download {name}" if published else f"not installed: {GET_ALL}"


def _number(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, (int, float)) else ""
