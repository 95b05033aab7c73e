"""``rnnzoo show``: what is known of one model, and what its vectors are near to."""

from __future__ import annotations

import argparse
import json

from rnnzoo.cli.options import whole

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("show", help="what is known of one model", description="Prints a model's facts.")
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument("--nearest", metavar="WORD", help="print the tokens with the most similar vectors instead")
    parser.add_argument("--num", type=whole("1 <= x <= 1e6"), default=10, metavar="K", help="how many of them (10)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints a line for each fact, or for each neighbour; returns the exit code."""
    if args.nearest is not None:
        return _nearest(args)
    from rnnzoo.zoo import find_model, model_facts

    facts = model_facts(args.model, find_model(args.model))
    if args.json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
        return 0
    for key, value in facts.items():
        if value is not None:
            shown = ", ".join(value) if isinstance(value, list) else value
            print(f"{key.replace('_', ' ') + ':':28}{shown}")
    return 0


def _nearest(args: argparse.Namespace) -> int:
    """A line for each neighbour: cosine, tab, token; a token that holds white space is quoted."""
    from rnnzoo.embeddings import nearest
    from rnnzoo.errors import UserError
    from rnnzoo.models import LanguageModel
    from rnnzoo.zoo import load

    if args.num < 1:
        raise UserError(f"--num {args.num}: at least one neighbour is needed")
    model = load(args.model, kind=LanguageModel)
    tokens, word = model.tokenizer.token_texts(), args.nearest
    if word not in tokens and f" {word}" in tokens:  # a word of running text, with the blank before it
        word = f" {word}"
    found = nearest(model.embedding.weight, tokens, word, args.num)
    if args.json:
        pairs = [{"token": token, "cosine": round(cosine, 6)} for token, cosine in found]
        print(json.dumps({"model": args.model, "token": word, "nearest": pairs}, indent=1, ensure_ascii=False))
        return 0
    for token, cosine in found:
        plain = token.isprintable() and token.strip() == token != ""
        print(f"{cosine:.4f}\t{token if plain else repr(token)}")
    return 0
