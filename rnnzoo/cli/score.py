"""``rnnzoo score``: how well a language model predicts one's own text."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.adapt_options import adaptation_table, add_options, configs
from rnnzoo.cli.plugins import add_import
from rnnzoo.cli.text_io import add_form, check_output, choose_device, form_of, known_text, read_text, write, write_table
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.inference.scoring.adaptation import Adaptation
    from rnnzoo.inference.scoring.text import Scores
    from rnnzoo.models import LanguageModel

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "score",
        help="perplexity, bits and per-token surprisal of a text, or which of two sentences is likelier",
        description="Reads FILE as one stream from its first token on and says how well the model predicted it; or, "
        "with --pairs, says which of the two sentences on each line of FILE it finds likelier.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("file", metavar="FILE", nargs="?", help="a text, or - for standard input")
    parser.add_argument(
        "--pairs",
        metavar="FILE",
        help="score pairs instead: two sentences on a line with a tab between, the better one first; - is standard "
        "input. Accuracy is the share of lines whose first sentence is the likelier",
    )
    parser.add_argument(
        "--tsv", metavar="OUT", help="write each token's surprisal in bits (or each pair) to this file, or - for here"
    )
    parser.add_argument("--json", action="store_true", help="print the totals (or all pairs) as JSON")
    parser.add_argument(
        "--unknown",
        choices=["error", "drop"],
        default="error",
        help="characters that the model does not know: an error, or left out and not counted; words that it does not "
        "know are <unk>, or left out",
    )
    parser.add_argument(
        "--text", nargs="+", metavar="FILE", help="for --dynamic rms: where the text is that the model learned from"
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (cpu)")
    add_form(parser)
    add_options(parser)
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the totals; returns the exit code."""
    if (args.file is None) == (args.pairs is None):
        raise UserError("give one of: FILE, --pairs FILE")
    if args.tsv == "-" and args.json:
        raise UserError("--tsv - and --json both print here: give --tsv a file")
    if args.pairs is not None:
        from rnnzoo.cli.score_pairs import run_pairs

        return run_pairs(args)
    text = read_text(args.file, form_of(args))
    if args.tsv is not None:
        check_output(args.tsv)

    from rnnzoo.inference.scoring.text import score_adapting
    from rnnzoo.models import LanguageModel
    from rnnzoo.zoo import load

    model = load(args.model, kind=LanguageModel)
    dynamic, cache = configs(args, model.tokenizer.kind)
    choose_device(model, args.device)
    known_text(model.tokenizer, text, args.unknown)  # says what will be left out
    adaptation = _prepared(args, model, dynamic, cache)
    scores = score_adapting(model, text, adaptation, unknown=args.unknown)
    static = scores.pop("static")
    if args.tsv is not None:
        write_table(lambda file: static.write_tsv(file, scores), args.tsv)
    figures = {
        name: _figures(each) | {"settings": adaptation.settings(name)}
        for name, each in ({"static": static} | scores).items()
    }
    if args.json:
        write(json.dumps(static.to_dict() | (figures if scores else {})) + "\n")
    elif args.tsv != "-":
        write(_table(static))
        if scores:
            columns = {"nll": "nats/token", "bpc": "bits/character", "bits_per_byte": "bits/byte", "ppl": "perplexity"}
            write(f"\n{adaptation_table(figures, columns)}\n")
    return 0


def _prepared(args: argparse.Namespace, model: LanguageModel, dynamic: Any, cache: Any) -> Adaptation:
    """The options made ready; only the rule rms needs the text that the model learned from."""
    from rnnzoo.zoo import find_model, read_config
    from rnnzoo.zoo.adapt import prepare
    from rnnzoo.zoo.score import entry_corpus

    corpus = None
    if dynamic is not None and dynamic.rule == "rms":
        corpus = entry_corpus(read_config(find_model(args.model)), args.text)
    return prepare(model, corpus, dynamic, cache)


def _figures(scores: Scores) -> dict[str, Any]:
    return scores.totals.to_dict() | {"bits": scores.totals.bits_per_token}


def _table(scores: Scores) -> str:
    totals = scores.totals
    lines = [
        f"tokens      {totals.tokens:>12,}  {totals.bits_per_token:8.4f} bits each",
        f"characters  {totals.characters:>12,}  {totals.bpc:8.4f} bits each",
        f"bytes       {totals.bytes:>12,}  {totals.bits_per_byte:8.4f} bits each",
        f"total       {totals.nats:>12,.1f}  nats",
        f"nll         {totals.nll:.4f} nats per token",
        f"perplexity  {totals.ppl:.4f} per token",
    ]
    if scores.unknown:
        share = scores.unknown / totals.tokens
        lines.append(
            f"unknown     {scores.unknown:>12,}  tokens ({share:.1%}) were read as <unk>: the model did not have to "
            "say which words they are, so bits per character and byte are too low"
        )
    return "\n".join(lines) + "\n"
