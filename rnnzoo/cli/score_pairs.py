"""``rnnzoo score MODEL --pairs FILE``: which of two sentences a language model finds likelier."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.text_io import check_output, choose_device, form_of, known_text, read_text, write, write_table
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.inference.scoring.sentence_pairs import Pair

__all__ = ["read_pairs", "run_pairs"]


def run_pairs(args: argparse.Namespace) -> int:
    """Prints the accuracy; returns the exit code."""
    if args.dynamic is not None or args.cache is not None:
        raise UserError("--dynamic and --cache follow one text; the sentences of --pairs are scored one by one")
    numbered = read_pairs(read_text(args.pairs, form_of(args)), args.pairs)
    pairs = [pair for _, pair in numbered]
    if args.tsv is not None:
        check_output(args.tsv)

    from rnnzoo.inference.scoring.sentence_pairs import score_pairs, write_pairs
    from rnnzoo.models import LanguageModel
    from rnnzoo.zoo import load

    model = load(args.model, kind=LanguageModel)
    choose_device(model, args.device)
    if args.unknown == "drop":
        known_text(model.tokenizer, "\n".join(sentence for pair in pairs for sentence in pair), "drop")
    for line, pair in numbered:
        for sentence in pair:
            try:
                ids = model.tokenizer.encode(sentence, unknown=args.unknown)
            except UserError as error:
                raise _wrong(f"{error} (--unknown drop)", args.pairs, line) from None
            if len(ids) == 0:
                raise _wrong("a sentence has no token that the model knows", args.pairs, line)
    scored = score_pairs(model, pairs, unknown=args.unknown)
    if args.tsv is not None:
        write_table(lambda file: write_pairs(scored, file), args.tsv)
    if args.json:
        write(json.dumps(_totals(scored) | {"results": [_plain(pair) for pair in scored]}) + "\n")
    elif args.tsv != "-":
        write(_table(_totals(scored)))
    return 0


def read_pairs(text: str, path: str) -> list[tuple[int, tuple[str, str]]]:
    """The pairs of a file, each behind its line's number: two sentences with a tab between; blank lines are none.

    Raises:
        UserError: a line has another number of columns, or an empty sentence; there is no pair.
    """
    pairs = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if not line.strip():
            continue
        columns = line.removesuffix("\r").split("\t")
        if len(columns) != 2:
            has = f"has {len(columns)} column{'s' * (len(columns) > 1)}"
            raise _wrong(f"{has}; a pair is two sentences with one tab between", path, number)
        for name, sentence in zip(("first", "second"), columns, strict=True):
            if not sentence.strip():
                raise _wrong(f"the {name} sentence is empty", path, number)
        pairs.append((number, (columns[0], columns[1])))
    if not pairs:
        raise UserError("holds no pairs", path="standard input" if path == "-" else path)
    return pairs


def _wrong(message: str, path: str, line: int) -> UserError:
    return UserError(message, path="standard input" if path == "-" else path, position=f"line {line}")


def _totals(pairs: list[Pair]) -> dict[str, Any]:
    first = sum(pair.likelier == 1 for pair in pairs)
    return {
        "pairs": len(pairs),
        "first_likelier": first,
        "ties": sum(pair.likelier == 0 for pair in pairs),
        "accuracy": first / len(pairs),
        "unknown": sum(sum(pair.unknown) for pair in pairs),
    }


def _plain(pair: Pair) -> dict[str, Any]:
    return {
        "sentences": [pair.first, pair.second],
        "nats": [totals.nats for totals in pair.totals],
        "tokens": [totals.tokens for totals in pair.totals],
        "unknown": list(pair.unknown),
        "likelier": pair.likelier,
    }


def _table(totals: dict[str, Any]) -> str:
    lines = [
        f"pairs     {totals['pairs']:>9,}",
        f"accuracy  {totals['accuracy']:>9.2%}  the first sentence is likelier in {totals['first_likelier']:,}, "
        f"ties in {totals['ties']:,}",
    ]
    if totals["unknown"]:
        lines.append(f"unknown   {totals['unknown']:>9,}  tokens were read as <unk>")
    return "\n".join(lines) + "\n"
