"""``rnnzoo show``: what is known of one model."""

from __future__ import annotations

import argparse
import json

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("show", help="what is known of one model", description="Prints a model's facts.")
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each fact; returns the exit code."""
    from rnnzoo.zoo import find_model, model_facts

    facts = model_facts(args.model, find_model(args.model))
    if args.json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
        return 0
    for key, value in facts.items():
        if value is not None:
            print(f"{key.replace('_', ' ') + ':':28}{value}")
    return 0
