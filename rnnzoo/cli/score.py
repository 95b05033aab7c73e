"""``rnnzoo score``: how well a language model predicts one's own text."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from rnnzoo.cli.plugins import add_import
from rnnzoo.cli.text_io import choose_device, known_text, read_text, write
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.models.scoring import Scores

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "score",
        help="perplexity, bits and per-token surprisal of a text",
        description="Reads FILE as one stream from its first token on and says how well the model predicted it.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("file", metavar="FILE", help="a UTF-8 text, or - for standard input")
    parser.add_argument("--tsv", metavar="OUT", help="write each token's surprisal in bits to this file, or - for here")
    parser.add_argument("--json", action="store_true", help="print the totals as JSON")
    parser.add_argument(
        "--unknown",
        choices=["error", "drop"],
        default="error",
        help="characters that the model does not know: an error, or left out and not counted",
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (cpu)")
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the totals; returns the exit code."""
    if args.tsv == "-" and args.json:
        raise UserError("--tsv - and --json both print here: give --tsv a file")
    text = read_text(args.file)

    from rnnzoo.models.scoring import score_text
    from rnnzoo.zoo import load

    model = load(args.model)
    choose_device(model, args.device)
    scores = score_text(model, known_text(model.tokenizer, text, args.unknown))
    if args.tsv is not None:
        _write_tsv(scores, args.tsv)
    if args.json:
        write(json.dumps(scores.totals.to_dict()) + "\n")
    elif args.tsv != "-":
        write(_table(scores))
    return 0


def _write_tsv(scores: Scores, path: str) -> None:
    import io

    if path == "-":
        lines = io.StringIO()
        scores.write_tsv(lines)
        write(lines.getvalue())
        return
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            scores.write_tsv(file)
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=path) from None


def _table(scores: Scores) -> str:
    totals = scores.totals
    return (
        f"tokens      {totals.tokens:>12,}  {totals.bits_per_token:8.4f} bits each\n"
        f"characters  {totals.characters:>12,}  {totals.bpc:8.4f} bits each\n"
        f"bytes       {totals.bytes:>12,}  {totals.bits_per_byte:8.4f} bits each\n"
        f"nll         {totals.nll:.4f} nats per token\n"
        f"perplexity  {totals.ppl:.4f} per token\n"
    )
