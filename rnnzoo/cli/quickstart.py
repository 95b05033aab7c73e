"""``rnnzoo quickstart``: a network that speaks, and one that learns to in front of you."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from rnnzoo.cli.options import seed

__all__ = ["register", "run"]

ENTRY = "char-lstm.tinyshakespeare"
RECIPE = "char-lstm.pydocs"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "quickstart",
        help="a network that speaks, and one that learns to, in about two minutes",
        description="Lets a trained model speak, then trains a small one on Python's own documentation, offline.",
    )
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where run folders go (runs)")
    parser.add_argument("--seed", type=seed, default=1, metavar="S", help="another seed, another text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Speaks, trains, speaks; returns the exit code."""
    from rnnzoo.cli.train import carry_out
    from rnnzoo.zoo import entry_names, load

    if ENTRY in entry_names():
        print(f"{ENTRY}, trained beforehand, writes:\n", flush=True)
        _speak(load(ENTRY), "ROMEO:\n", args.seed)
    print(
        "A small LSTM, which knows nothing yet, now reads the text of Python's own documentation, character by\n"
        "character, and learns to say what comes next. About two minutes on two cores; watch the bits per character\n"
        "fall (6.7 is guessing) and what it writes.\n",
        flush=True,
    )
    folder = carry_out(RECIPE, runs=args.runs, seed=args.seed)
    print("\nWhat it has learnt to write:\n", flush=True)
    _speak(load(folder), "The ", args.seed)
    command = _command()
    print(
        "Go on:\n"
        f'  {command} generate {folder} --prompt "A class " --temperature 0.7\n'
        f"  {command} train char-lstm.own-text --text YOUR.txt\n"
        f"  {command} recipes ls"
    )
    return 0


def _command() -> str:
    """How this command is called here: `make quickstart` runs it from an environment that is not on the path."""
    if shutil.which("rnnzoo"):
        return "rnnzoo"
    called = Path(sys.argv[0])
    return os.path.relpath(called) if called.stem == "rnnzoo" else "python -m rnnzoo"


def _speak(model: object, prompt: str, seed: int) -> None:
    from rnnzoo.models import LanguageModel

    assert isinstance(model, LanguageModel)
    sys.stdout.write(prompt)
    for piece in model.stream(prompt, max_new_tokens=400, temperature=0.8, seed=seed):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n\n")
