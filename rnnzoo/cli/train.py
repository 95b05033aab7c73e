"""``rnnzoo train``: a model from a recipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from rnnzoo.errors import UserError

__all__ = ["parse_settings", "register", "run"]

DESCRIPTION = """Trains a model by a recipe, and ends in a run folder with the model, its score, its curve and samples.

Any field of the recipe can be set: --data.chunk_len 64, --model.backbone.num_layers 3, --optimizer.lr 1e-3,
--trainer.devices 2 (`rnnzoo train RECIPE --fields` lists them all). The everyday ones have short forms:
--cell --hidden_size --num_layers --embedding_dim --text FILE... --corpus --hub --streams --chunk_len --lr --epochs
--seed --init_from MODEL."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="a model from a recipe",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="rnnzoo train RECIPE [--resume] [--over FILE] [--runs DIR] [--FIELD VALUE ...]",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a packaged recipe (`rnnzoo recipes ls`), or a YAML file")
    parser.add_argument("--resume", action="store_true", help="go on with the last run of this recipe")
    parser.add_argument(
        "--over", action="append", default=[], metavar="FILE", help="merge this recipe file over it; may be repeated"
    )
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where run folders go (runs)")
    parser.add_argument("--fields", action="store_true", help="list the recipe's fields with their values, and end")
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    """Trains; returns the exit code."""
    settings = parse_settings(args.settings)
    if args.fields:
        from rnnzoo.tasks.recipe import Recipe, override, read

        sys.stdout.write(Recipe.from_mapping(override(read(args.recipe, args.over), settings)).to_yaml())
        return 0
    from rnnzoo.tasks import train

    folder = train(args.recipe, settings=settings, overlays=args.over, resume=args.resume, runs=args.runs)
    print(folder)
    return 0


def parse_settings(words: Sequence[str]) -> dict[str, Any]:
    """``["--a.b", "1", "--c=x", "--files", "f", "g"]`` as ``{"a.b": 1, "c": "x", "files": ["f", "g"]}``.

    Raises:
        UserError: a value without a name, or a name without a value.
    """
    from rnnzoo.zoo.recipes import parse_yaml

    found: dict[str, list[str]] = {}
    name = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if "." not in name:
                name = name.replace("-", "_")
            found[name] = [value] if equals else []
        elif name is None:
            raise UserError(f"unrecognized argument: {word}")
        else:
            found[name].append(word)
    settings = {}
    for name, values in found.items():
        if not values:
            raise UserError(f"--{name} needs a value")
        texts = name in ("text", "data.files")  # names of files, whatever they look like
        parsed = [value if texts else parse_yaml(value) for value in values]
        settings[name] = parsed if texts or len(parsed) > 1 else parsed[0]
    return settings
