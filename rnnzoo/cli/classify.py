"""``rnnzoo classify``: texts in, labels out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.cli.lines import Lines, batches_of_lines
from rnnzoo.cli.options import whole
from rnnzoo.cli.plugins import add_import
from rnnzoo.cli.text_io import add_form, check_output, choose_device, form_of, known_text, write
from rnnzoo.errors import UserError, nearest

if TYPE_CHECKING:
    from rnnzoo.inference.classification.classify import Prediction
    from rnnzoo.models import Classifier

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "classify",
        help="labels of texts by a classifier",
        description="Says what each TEXT is, or each line of FILE or of standard input: one line in, one line out. "
        "Where a text may have several labels, they stand in one line with spaces between, and an empty one is for "
        "none. In a terminal, without either, it asks for texts.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("text", metavar="TEXT", nargs="*", help="a text each; a TEXT of several lines is as many texts")
    parser.add_argument("--input", metavar="FILE", help="texts, one a line, or - for standard input")
    parser.add_argument("--output", metavar="FILE", help="write there, completely or not at all")
    parser.add_argument("--scores", action="store_true", help="the probability behind each label, the likeliest first")
    parser.add_argument(
        "--top", type=whole("1 <= x <= 1e6"), metavar="K", help="the K likeliest labels with probabilities (all)"
    )
    parser.add_argument(
        "--explain",
        nargs="?",
        const="",
        metavar="LABEL",
        help="how much each word spoke for the label: its probability, minus that without the word",
    )
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    parser.add_argument(
        "--unknown",
        choices=("error", "drop"),
        default="error",
        help="characters that the model does not know: an error, or left out (error)",
    )
    parser.add_argument(
        "--batch-size", type=whole("1 <= x <= 1e6"), default=32, metavar="N", help="lines at a time (32)"
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (cpu)")
    add_form(parser)
    add_import(parser)
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    """Classifies; returns the exit code."""
    # argparse ends TEXT at the first option behind MODEL; texts behind that one come as what is left
    if strange := [word for word in args.settings if word.startswith("-") and " " not in word]:
        raise UserError(f"unrecognized arguments: {' '.join(strange)}")
    args.text = [*args.text, *args.settings]
    if args.text and args.input is not None:
        raise UserError("give TEXT or --input FILE, not both")
    if args.output is not None:
        check_output(args.output)
    form = form_of(args)
    from rnnzoo.models import Classifier
    from rnnzoo.zoo import load

    model = load(args.model, kind=Classifier)
    if args.explain and args.explain not in model.labels:
        raise UserError(f"--explain: {args.model} has no label {args.explain!r}{nearest(args.explain, model.labels)}")
    choose_device(model, args.device)
    batches = batches_of_lines(args, form, args.batch_size, asked="a text a line")
    if args.output is None:
        for lines in batches:
            write(_said(model, args, lines))
        return 0

    from rnnzoo.files import write_durably

    try:
        write_durably(
            Path(args.output), lambda file: file.writelines(_said(model, args, lines).encode() for lines in batches)
        )
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=args.output) from None
    return 0


def _said(model: Classifier, args: argparse.Namespace, lines: Lines) -> str:
    """What is printed for these lines."""
    texts = []
    for number, text in lines:
        try:
            texts.append(known_text(model.tokenizer, text, args.unknown))
        except UserError as error:
            raise UserError(str(error), position=f"line {number}") from None
    found = model.classify(texts, unknown=args.unknown)
    rows = zip((number for number, _ in lines), texts, found, strict=True)
    return "".join(_shown(model, args, number, text, one) for number, text, one in rows)


def _shown(model: Classifier, args: argparse.Namespace, number: int, text: str, found: Prediction) -> str:
    ranked = sorted(found.probabilities.items(), key=lambda item: -item[1])[: args.top]
    influences = [] if args.explain is None else model.explain(text, args.explain or None, unknown=args.unknown)
    if args.json:
        plain = {"line": number, "text": text, "labels": list(found.labels), "probability": round(found.probability, 6)}
        plain["probabilities"] = {label: round(p, 6) for label, p in ranked}
        if args.explain is not None:
            plain["of"] = args.explain or ranked[0][0]
            plain["influences"] = [[one.piece, round(one.influence, 6)] for one in influences]
        return json.dumps(plain, ensure_ascii=False) + "\n"
    if args.scores or args.top is not None:
        first = "\t".join(f"{label} {p:.4f}" for label, p in ranked)
    else:
        first = " ".join(found.labels)
    return f"{first}\n" + _explained(influences)


def _explained(influences: Sequence[tuple[str, float]]) -> str:
    return "".join(f"    {influence:+.4f}  {piece}\n" for piece, influence in influences if not piece.isspace())
