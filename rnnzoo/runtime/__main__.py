"""``python -m rnnzoo_runtime FOLDER``: an exported model from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields

from ..errors import UserError
from .language_model import LanguageModel
from .model import Model
from .sampling import SAMPLING_FIELDS, SamplingConfig
from .translator import Translator

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: its words; those of the process when left out.

    Returns:
        The exit code: 0; 2 for what the user can put right; 130 after Ctrl-C.
    """
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except UserError as error:
        print(f"rnnzoo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnnzoo-runtime",
        description="Text, translations or surprisals by a model that `rnnzoo export` has written.",
    )
    parser.add_argument("model", metavar="MODEL", help="the folder, or the ZIP file")
    parser.add_argument("text", metavar="TEXT", nargs="*", help="of a translator: sentences (standard input)")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what is read first")
    parser.add_argument("--max-new-tokens", type=int, default=500, metavar="N", help="at most N tokens (500)")
    for field in fields(SamplingConfig):
        kind, default = type(field.default), {"temperature": 0.8}.get(field.name, field.default)
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=kind, default=default, metavar="X", help=f"of SamplingConfig ({default})")
    parser.add_argument("--seed", type=int, metavar="S", help="the same seed gives the same text")
    parser.add_argument("--score", metavar="FILE", help="instead of a text, bits a token of each line of FILE (-)")
    parser.add_argument("--beam", type=int, metavar="K", help="of a translator: K hypotheses are followed (5)")
    return parser


def _run(args: argparse.Namespace) -> None:
    model = Model.open(args.model)
    if isinstance(model, Translator):
        for text in args.text or sys.stdin:
            print(*model.translate(text, beam=5 if args.beam is None else args.beam), flush=True)
        return
    assert isinstance(model, LanguageModel)
    if args.text or args.beam is not None:
        raise UserError("a language model takes --prompt, not sentences or --beam")
    if args.score is not None:
        _score(model, args.score)
        return
    pieces = model.stream(
        args.prompt,
        max_new_tokens=args.max_new_tokens,
        sampling=SamplingConfig(**{name: getattr(args, name) for name in SAMPLING_FIELDS}),
        seed=args.seed,
    )
    print(args.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def _score(model: LanguageModel, path: str) -> None:
    try:
        with open(0 if path == "-" else path, encoding="utf-8") as file:
            for line in file:
                bits = model.score(line, unknown="drop").bits
                print(f"{bits.mean():.3f}\t{line}", end="", flush=True)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", path=path) from None


if __name__ == "__main__":
    sys.exit(main())
