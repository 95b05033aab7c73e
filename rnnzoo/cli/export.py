"""``rnnzoo export``: a model for programs without PyTorch, or as a page that runs it."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnnzoo.cli.plugins import add_import
from rnnzoo.errors import UserError

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="a model as ONNX, for programs without PyTorch, or as a web page that runs it",
        description=(
            "Writes the model as the folder OUT/ or the file OUT.zip, complete for `rnnzoo.runtime` and "
            "rnnzoo-runtime: graphs, weights, tokenizer, README. With a name that ends in .onnx, its step alone: "
            "tokens and state in, logits and new state out, a translator's encoder beside it, and a JSON file that "
            "describes them. With one that ends in .html, one file in which the model runs in any browser, up to four "
            "side by side."
        ),
    )
    parser.add_argument("model", metavar="MODEL", nargs="+", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument(
        "out", metavar="OUT", help="a folder, NAME.zip, NAME.html, NAME.onnx, or NAME.pt2 for torch.export.load"
    )
    parser.add_argument("--int8", action="store_true", help="weights of 8 bits: a quarter of the size, and faster")
    parser.add_argument(
        "--text", metavar="FILE", help="of a page: the text that it shows first, and holds its units against"
    )
    parser.add_argument(
        "--space", action="store_true", help="OUT is a folder to push as a Space of the hub: a page, and its README.md"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the files and prints a line for each; returns the exit code."""
    paths = _space(args) if args.space else [_page(args)] if Path(args.out).suffix == ".html" else _graphs(args)
    for path in paths:
        print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


def _page(args: argparse.Namespace) -> Path:
    from rnnzoo.page import check_page, write_page

    check_page(args.out, args.model, force=args.force)  # before a model is looked for
    return write_page(args.model, args.out, int8=args.int8, text=_text(args.text), force=args.force)


def _space(args: argparse.Namespace) -> list[Path]:
    from rnnzoo.page.space import write_space

    return write_space(args.model, args.out, int8=args.int8, text=_text(args.text), force=args.force)


def _graphs(args: argparse.Namespace) -> list[Path]:
    from rnnzoo.zoo import find_model, load
    from rnnzoo.zoo.export import check_out, export_model
    from rnnzoo.zoo.export_folder import check_place, export_folder, is_place
    from rnnzoo.zoo.registry import licence_of

    whole = is_place(args.out)
    if whole:  # before a model is looked for
        check_place(args.out, force=args.force)
    else:
        check_out(args.out, int8=args.int8, force=args.force)
    if len(args.model) > 1:
        raise UserError(f"{args.out} takes one model; several stand side by side in a page, NAME.html")
    if args.text is not None:
        raise UserError("--text goes with a page, NAME.html")
    name = args.model[0]
    if whole:
        licence = licence_of(find_model(name))
        return export_folder(load(name), args.out, name=name, int8=args.int8, licence=licence, force=args.force)
    return export_model(load(name), args.out, name=name, int8=args.int8, force=args.force)


def _text(path: str | None) -> str | None:
    from rnnzoo.data.plain_text import read_text

    return None if path is None else read_text(path)
