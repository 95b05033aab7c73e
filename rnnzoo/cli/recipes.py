"""``rnnzoo recipes``: the packaged recipes."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from rnnzoo.errors import UserError

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("recipes", help="the packaged recipes", description="Lists, shows, copies recipes.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    ls = actions.add_parser("ls", help="all recipes, with the measured score and time where there is a trained model")
    ls.set_defaults(run=_ls)
    show = actions.add_parser("show", help="print one")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=_show)
    copy = actions.add_parser("cp", help="copy one to a file, to change it")
    copy.add_argument("name", metavar="NAME")
    copy.add_argument("file", metavar="FILE", type=Path)
    copy.set_defaults(run=_copy)


def run(args: argparse.Namespace) -> int:
    """Runs the action; returns the exit code."""
    code: int = args.run(args)
    return code


def _ls(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from rnnzoo.zoo import entry_names, read_metrics, read_recipe, recipe_names

    table = Table("recipe", "task", "about", box=None, header_style="bold", pad_edge=False)
    for heading in ("parameters", "bits", "minutes", "memory"):
        table.add_column(heading, justify="right")
    entries = entry_names()
    for name, path in recipe_names().items():
        figures = ["", "", "", ""]
        if name in entries:
            metrics = read_metrics(entries[name])
            training = metrics["training"]
            memory = training["peak_memory_bytes"] / 2**30
            minutes = training["seconds"] / 60
            figures = [f"{metrics['parameters']:,}", f"{metrics['bits']:.3f}", f"{minutes:.0f}", f"{memory:.1f} GiB"]
        table.add_row(name, str(read_recipe(path).get("task", "")), _about(path), *figures)
    Console().print(table)
    return 0


def _about(path: Path) -> str:
    """A recipe's first line, its comment up to the first full stop or colon."""
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return first.lstrip("# ").split(":")[0].rstrip(".") if first.startswith("#") else ""


def _show(args: argparse.Namespace) -> int:
    from rnnzoo.zoo.recipes import find_recipe

    sys.stdout.write(find_recipe(args.name).read_text(encoding="utf-8"))
    return 0


def _copy(args: argparse.Namespace) -> int:
    from rnnzoo.zoo.recipes import find_recipe

    source = find_recipe(args.name)
    if args.file.exists():
        raise UserError("is there already; nothing was overwritten", path=args.file)
    if not args.file.parent.is_dir():
        raise UserError("no such folder", path=args.file.parent)
    shutil.copyfile(source, args.file)
    return 0
