"""``rnnzoo train``: a model from a recipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.cli.plugins import add_import
from rnnzoo.errors import UserError

__all__ = ["check_text", "group_words", "parse_settings", "register", "run", "take_overlays"]

TERMINATED = 143
"""The exit code after SIGTERM, as shells have it."""

DESCRIPTION = """Trains a model by a recipe, and ends in a run folder with the model, its score, its curve and samples.

After RECIPE may come overlays: hardware/1gpu, hardware/8gpu-ddp, hardware/torchrun, hardware/slurm, or YAML files of
your own, as with --over.

Any field of the recipe can be set: --data.chunk_len 64, --model.backbone.num_layers 3, --optimizer.lr 1e-3,
--trainer.devices 2 (`rnnzoo train RECIPE --fields` lists them all). The everyday ones have short forms:
--cell --hidden_size --num_layers --hidden_dropout --embedding_dim --text FILE... --corpus --hub --shards DIR --streams
--chunk_len --lr --epochs --seed --init_from MODEL
--logger tensorboard|csv|wandb|mlflow; for a translator --files SRC TGT, --tsv FILE, --src --tgt,
--attention and --batch_tokens in place of --text, --shards, --streams and --chunk_len; for a classifier
--files FILE..., --text_column, --label_column, --pooling, --bidirectional, --batch_tokens and --encoder MODEL."""

_TEXTS = ("files", "tsv", "corpus", "hub", "shards")  # where a recipe's section `data` names what to read


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="a model from a recipe",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="rnnzoo train RECIPE [OVERLAY ...] [--continue | --resume [--restart]] [--over FILE] [--runs DIR] "
        "[--FIELD VALUE ...]",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a packaged recipe (`rnnzoo recipes ls`), or a YAML file")
    # OVERLAY words are found in `run`: argparse would only take them right behind RECIPE, and would take a text's name.
    parser.add_argument("--resume", action="store_true", help="go on with the last run of this recipe")
    parser.add_argument(
        "--continue",
        action="store_true",
        dest="go_on",
        help="--resume where there is something to resume, else a new run: for what a scheduler starts again",
    )
    parser.add_argument(
        "--restart", action="store_true", help="with --resume: begin it again if none of its checkpoints is whole"
    )
    parser.add_argument(
        "--over", action="append", default=[], metavar="FILE", help="merge this recipe file over it; may be repeated"
    )
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where run folders go (runs)")
    parser.add_argument("--fields", action="store_true", help="list the recipe's fields with their values, and end")
    add_import(parser)
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    """Trains; returns the exit code."""
    args.over = [*args.over, *take_overlays(args.settings)]
    settings = parse_settings(args.settings)
    if args.fields:
        from rnnzoo.tasks.recipe import Recipe, override, read

        sys.stdout.write(Recipe.from_mapping(override(read(args.recipe, args.over), settings)).to_yaml())
        return 0
    resume = args.resume or args.restart or (args.go_on and _can_go_on(args.recipe, args.runs))
    check_text(args.recipe, args.over, settings, remembered=resume)
    print(
        carry_out(
            args.recipe,
            settings=settings,
            overlays=args.over,
            resume=resume,
            restart=args.restart,
            runs=args.runs,
        )
    )
    return 0


def _can_go_on(recipe: str, runs: str) -> bool:
    from rnnzoo.tasks.run_folder import can_go_on
    from rnnzoo.zoo.recipes import recipe_name

    return can_go_on(Path(runs), recipe_name(recipe))


def take_overlays(words: list[str]) -> list[str]:
    """Takes the overlays from the beginning of what stands behind RECIPE."""
    overlays = []
    while words and (words[0].startswith("hardware/") or words[0].endswith((".yaml", ".yml"))):
        overlays.append(words.pop(0))
    return overlays


def carry_out(recipe: str, *, runs: str, **options: Any) -> Path:
    """`rnnzoo.train`, and what to say when it is stopped from outside.

    Args:
        recipe: a name or a path. runs: where run folders go.
        **options: the other arguments of `rnnzoo.train`.

    Raises:
        KeyboardInterrupt: after Ctrl-C. SystemExit: after SIGTERM.
    """
    from rnnzoo.tasks import train
    from rnnzoo.training import OtherRankEnded

    try:
        return train(recipe, runs=runs, **options)
    except OtherRankEnded:
        raise
    except KeyboardInterrupt:
        _say_how_to_go_on(recipe, runs)
        raise
    except SystemExit as stopped:  # `Stopped`, or Lightning's own: with 1 after Ctrl-C, without a code after SIGTERM
        _say_how_to_go_on(recipe, runs)
        if stopped.code == 1:
            raise KeyboardInterrupt from None
        raise SystemExit(TERMINATED) from None


def check_text(recipe: str, overlays: Sequence[str], settings: Mapping[str, Any], *, remembered: bool = False) -> None:
    """Says what to do when no text is named, or two are; before lightning is waited for.

    Args:
        recipe: a name or a path. overlays: those over it. settings: by name.
        remembered: the text may have been named before, when a run began.
    """
    from rnnzoo.zoo.recipes import read_recipe

    named = [name for name in settings if name.removeprefix("data.") in ("text", *_TEXTS)]
    if len(named) > 1:
        raise UserError(f"--{named[0]} and --{named[1]} are two texts: give one")
    layers = [read_recipe(layer) for layer in (recipe, *overlays)]
    sections = [layer["data"] for layer in layers if isinstance(layer.get("data"), dict)]
    in_recipe = any(section.get(name) for section in sections for name in _TEXTS)
    if not (named or in_recipe or remembered):
        from rnnzoo.zoo.kinds import kind_of_task
        from rnnzoo.zoo.task_cards import task_names

        task = next((layer["task"] for layer in layers if "task" in layer), None)
        if task in task_names():  # another one is refused where the recipe is read
            raise UserError(f"{recipe} is for {kind_of_task(task).own_data}")


def _say_how_to_go_on(recipe: str, runs: str) -> None:
    from rnnzoo.cli.text_io import notice
    from rnnzoo.tasks.run_folder import last_run
    from rnnzoo.zoo.recipes import recipe_name

    try:
        run = last_run(Path(runs), recipe_name(recipe))
        run.find_checkpoint()
    except UserError:  # stopped before there was anything to go on from
        return
    where = "" if runs == "runs" else f" --runs {runs}"
    notice(f"{run.path} has not come to its end; `rnnzoo train {recipe}{where} --resume` goes on with it")


def parse_settings(words: Sequence[str]) -> dict[str, Any]:
    """``["--a.b", "1", "--c=x", "--files", "f", "g"]`` as ``{"a.b": 1, "c": "x", "files": ["f", "g"]}``.

    Raises:
        UserError: a value without a name, or a name without a value.
    """
    from rnnzoo.zoo.recipes import parse_words

    return {name: parse_words(name, values) for name, values in group_words(words).items()}


def group_words(words: Sequence[str]) -> dict[str, list[str]]:
    """The words behind each name, as they are: ``{"a.b": ["1"], "c": ["x"], "files": ["f", "g"]}``.

    Raises:
        UserError: a value without a name, or a name without a value.
    """
    found: dict[str, list[str]] = {}
    name = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = name.replace("-", "_")
            found[name] = [value] if equals else []
        elif name is None:
            hint = " (your own text: --text FILE ...)" if Path(word).is_file() else ""
            raise UserError(f"unrecognized argument: {word}{hint}")
        else:
            found[name].append(word)
    for name, values in found.items():
        if not values:
            raise UserError(f"--{name} needs a value")
    return found
