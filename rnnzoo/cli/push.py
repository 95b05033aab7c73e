"""``rnnzoo push``: a model onto the hub."""

from __future__ import annotations

import argparse

from rnnzoo.cli.download import add_hub_options

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "push",
        help="publish a model on the hub",
        description="Measures a model's score again, then publishes it with its card, as one commit.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, or the folder of an entry or run")
    parser.add_argument("repo", metavar="ORG/NAME", help="the repository; made where it is missing")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--tag", metavar="NAME", help="a new tag for the commit")
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where the text files now are, for own text")
    parser.add_argument(
        "--unverified", action="store_true", help="publish even if the score cannot be measured on this machine"
    )
    add_hub_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the commit and the manifest's line; returns the exit code."""
    from rnnzoo.zoo.push import push_to_hub

    done = push_to_hub(
        args.model,
        args.repo,
        private=args.private,
        revision=args.revision,
        tag=args.tag,
        unverified=args.unverified,
        files=args.text,
    )
    print(f"{done.repo}, commit {done.commit}")
    print(f"for rnnzoo/zoo/manifest.json: {done.manifest_line}")
    return 0
