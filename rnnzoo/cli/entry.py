"""``rnnzoo entry``: a finished run as a zoo entry."""

from __future__ import annotations

import argparse

from rnnzoo.cli.plugins import add_import

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "entry",
        help="complete a finished run into a zoo entry",
        description="Scores a finished run again and writes ROOT/NAME: weights, golden logits, model card, hashes.",
    )
    parser.add_argument("model", metavar="RUN", help="the folder of a finished run")
    parser.add_argument("name", metavar="NAME", help="the recipe's name, ARCHITECTURE.TAG")
    parser.add_argument("--root", default="pretrained", metavar="DIR", help="the folder of entries (pretrained)")
    parser.add_argument(
        "--store",
        choices=("auto", "float32", "float16", "int8"),
        default="auto",
        help="what weights are stored in; auto: half precision if no figure moves by as much as its last printed digit",
    )
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where the text files now are, for own text")
    parser.add_argument("--force", action="store_true", help="replace the entry that is there")
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Makes the entry; returns the exit code."""
    from pathlib import Path

    from rnnzoo.files import sha256_file
    from rnnzoo.zoo import packaged, read_metrics
    from rnnzoo.zoo.entry import make_entry
    from rnnzoo.zoo.kinds import kind_of_task
    from rnnzoo.zoo.manifest import manifest_path, note_entry

    folder = make_entry(args.model, args.name, args.root, store=args.store, files=args.text, force=args.force)
    metrics = read_metrics(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    told = kind_of_task(metrics["task"]).told(metrics)
    print(f"{folder}: {told} ({metrics['split']}), {metrics['stored_dtype']}, {size / 1e6:.1f} MB")
    print(f"entry.json: sha256 {sha256_file(folder / 'entry.json')}")
    home = packaged("pretrained")
    if home is not None and home.resolve() == Path(args.root).resolve() and home.name == "pretrained":
        note_entry(args.name, folder)
        print(f"noted in {manifest_path()}")
    return 0
