"""``rnnzoo test``: a model's score on its own text, measured again."""

from __future__ import annotations

import argparse
import json
from typing import Any

from rnnzoo.cli.adapt_options import adaptation_table, add_options, asked, configs
from rnnzoo.cli.plugins import add_import
from rnnzoo.errors import UserError

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "test",
        help="a model's score on its own text, measured again",
        description="Measures a run or zoo entry on the evaluation part of the text it was trained on.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("--split", choices=("valid", "test"), help="the part of the text (the one that was scored)")
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where the text files now are, for own text")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (cpu)")
    add_options(parser)
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the score beside the one on record; returns the exit code."""
    from rnnzoo.cli.text_io import choose_device
    from rnnzoo.models import LanguageModel
    from rnnzoo.zoo import find_model, load_folder
    from rnnzoo.zoo.kinds import require
    from rnnzoo.zoo.score import score_entry

    folder = find_model(args.model)
    model = load_folder(folder)
    dynamic, cache = None, None
    if asked(args):
        dynamic, cache = configs(args, require(model, LanguageModel, args.model).tokenizer.kind)
    choose_device(model, args.device)
    score = score_entry(model, folder, split=args.split, files=args.text, dynamic=dynamic, cache=cache)
    print(json.dumps(score) if args.json else _report(score))
    if score["recorded_sha256"] not in (None, score["corpus_sha256"]):
        raise UserError(f"this is not the text the model was trained on ({score['corpus']} has another sha256)")
    return 0


def _report(score: dict[str, Any]) -> str:
    from rnnzoo.zoo.kinds import kind_of_task, value_at

    kind = kind_of_task(score["task"])
    lines = [f"{score['corpus']}, {score['split']}, {kind.read(score)}", f"  {kind.told(score)}"]
    now = []
    for one in kind.compared:
        there = score["recorded"].get(one.key)
        if there is not None:
            now.append(f"{one.said(there)} ({(value_at(score, one.key) or 0.0) - there:+.6f} now)")
    if now:
        lines.append(f"  on record: {', '.join(now)}")
    adapted: dict[str, Any] = {
        name: score[name] for name in ("static", "dynamic", "cache", "dynamic_cache") if name in score
    }
    if adapted:
        columns = {"nll": "nats/token", "bits": "bits/token", "ppl": "perplexity"}
        lines += ["", "read as 1 stream:", adaptation_table(adapted, columns)]
    return "\n".join(lines)
