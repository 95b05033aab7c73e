"""``rnnzoo recipes``: the packaged recipes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.files import read_utf8

__all__ = ["register", "run"]


_UNITS = {"bleu": "BLEU", "chrf": "chrF", "ppl": "perplexity", "accuracy": "%"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("recipes", help="the packaged recipes", description="Lists, shows, copies recipes.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    ls = actions.add_parser(
        "ls",
        help="all recipes, with the measured score and time where there is a trained model, and "
        "the overlays for hardware",
    )
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

    from rnnzoo.zoo import entry_names, overlay_names, read_metrics, recipe_names

    names, entries = recipe_names(), entry_names()
    table = Table("recipe", "about", box=None, header_style="bold", pad_edge=False)
    table.columns[0].no_wrap = True
    measured = [name for name in names if name in entries]
    for heading in ("parameters", "score", "minutes", "memory") if measured else ():
        table.add_column(heading, justify="right", no_wrap=True)
    for name, path in names.items():
        figures = _figures(read_metrics(entries[name])) if name in measured else []
        table.add_row(name, _about(path), *figures)
    for name, path in overlay_names().items():
        table.add_row(name, _about(path))
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe: one line a recipe, however long
        console = Console(highlight=False, width=200)
    console.print(table)
    return 0


def _figures(metrics: dict[str, Any]) -> list[str]:
    """Parameters, the score that the model is known by, minutes and memory of training."""
    from rnnzoo.zoo.figures import headline

    known = headline(str(metrics["task"]), metrics)
    score = "" if known is None else f"{known} {_UNITS.get(known.key, known.key)}"
    training = metrics["training"]
    minutes, memory = training["seconds"] / 60, training["peak_memory_bytes"] / 2**30
    return [f"{metrics['parameters']:,}", score, f"{minutes:.0f}", f"{memory:.1f} GiB"]


def _about(path: Path) -> str:
    """A recipe's first line, its comment up to the first full stop or colon."""
    first = read_utf8(path).split("\n", 1)[0]
    return first.lstrip("# ").split(":")[0].rstrip(".") if first.startswith("#") else ""


def _show(args: argparse.Namespace) -> int:
    from rnnzoo.zoo.recipes import recipe_text

    sys.stdout.write(recipe_text(args.name))
    return 0


def _copy(args: argparse.Namespace) -> int:
    from rnnzoo.zoo.recipes import recipe_text

    text = recipe_text(args.name)
    if not args.file.parent.is_dir():
        raise UserError("no such folder", path=args.file.parent)
    try:
        with args.file.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UserError("is there already; nothing was overwritten", path=args.file) from None
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=args.file) from None
    named = args.file if args.file.suffix in (".yaml", ".yml") or len(args.file.parts) > 1 else f"./{args.file}"
    over = "NAME " if args.name.startswith("hardware/") else ""
    print(f"{args.file}: change it, then `rnnzoo train {over}{named}`")
    return 0
