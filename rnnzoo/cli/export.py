"""``rnnzoo export``: a model for programs without PyTorch."""

from __future__ import annotations

import argparse

from rnnzoo.cli.plugins import add_import

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="a model as ONNX, for programs without PyTorch",
        description=(
            "Writes the model's step, tokens and state in, logits and new state out, as OUT, a translator's encoder "
            "beside it, and a JSON file with their names and shapes and the tokenizers."
        ),
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("out", metavar="OUT", help="NAME.onnx, or NAME.pt2 for torch.export.load")
    parser.add_argument("--int8", action="store_true", help="weights of 8 bits: a quarter of the size, and faster")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the files and prints a line for each; returns the exit code."""
    from rnnzoo.zoo import load
    from rnnzoo.zoo.export import check_out, export_model

    check_out(args.out, int8=args.int8, force=args.force)  # before a model is looked for
    model = load(args.model)
    for path in export_model(model, args.out, name=args.model, int8=args.int8, force=args.force):
        print(f"{path}: {path.stat().st_size:,} bytes")
    return 0
