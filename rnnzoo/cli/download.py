"""``rnnzoo download``: a model onto this machine, for later and offline."""

from __future__ import annotations

import argparse

__all__ = ["add_hub_options", "register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "download",
        help="a model onto this machine",
        description="Fetches a model from the hub into the cache, checks every hash, and prints its folder.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, or ORG/REPO[@REVISION]")
    parser.add_argument("--cache-dir", metavar="DIR", help="another cache than huggingface_hub's")
    add_hub_options(parser)
    parser.set_defaults(run=run)


def add_hub_options(parser: argparse.ArgumentParser) -> None:
    """Adds what every command that speaks to the hub has."""
    parser.add_argument("--revision", metavar="NAME", help="a branch, tag or commit (the main branch)")
    # no --token: the list of processes and the shell's history would have it
    parser.epilog = "A private repository needs a token: `hf auth login`, or HF_TOKEN."


def run(args: argparse.Namespace) -> int:
    """Prints the folder; returns the exit code."""
    from rnnzoo.zoo import download

    folder = download(args.model, revision=args.revision, cache_dir=args.cache_dir)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    print(f"{folder} ({size / 1e6:.1f} MB)")
    return 0
