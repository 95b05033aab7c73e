"""A zoo entry so small that it takes no time, and the run that it was made of."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import torch

from rnnzoo.data import load_corpus
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import cold_windows, make_entry, measure, save_folder

ALPHABET = "abcdefgh ,.\n"
NAME = "char-lstm.poem"


def small_model(**fields: Any) -> LanguageModel:
    """A small model; keyword arguments are fields of its config."""
    torch.manual_seed(5)
    config = {"embedding_dim": 6, "backbone": {"cell": "lstm", "hidden_size": 7, "num_layers": 2}} | fields
    return LanguageModelConfig.from_dict(config).build(CharTokenizerConfig().build([ALPHABET]))


class Made(NamedTuple):
    """A text, a finished run on it as training leaves it, and the run's entry; tests get copies."""

    text: Path
    run: Path
    entry: Path


def make(place: Path, **fields: Any) -> Made:
    """Makes them below `place`; keyword arguments are fields of the model's config."""
    draw, text = random.Random(3), place / "poem.txt"
    text.write_text("".join(draw.choice(ALPHABET) for _ in range(1000)), encoding="utf-8", newline="")
    model, corpus = small_model(**fields).eval(), load_corpus(files=[text])
    ids = model.tokenizer.encode(corpus.splits["valid"])
    whole, cold = measure(model, ids, 2), cold_windows(model, ids, 20)
    figures = {"nll": whole.nll, "ppl": whole.ppl, "bits": whole.bits_per_token, "tokens": whole.tokens}
    figures |= {"cold_window": {"length": 20, "nll": cold.nll, "bits": cold.bits_per_token}}
    metrics = {
        "task": "char_lm",
        "recipe": NAME,
        "split": "valid",
        **figures,
        "eval_streams": 2,
        "scores": {"valid": figures},
        "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split_rule": corpus.split_rule},
        "seed": 1,
        "parameters": model.num_parameters,
        "vocab_size": model.vocab_size,
        "cell": "lstm",
        "training": {"seconds": 60.0, "epochs": 1, "steps": 3, "tokens": 900, "tokens_per_second": 15.0},
        "hardware": {"device": "cpu", "name": "x86_64", "devices": 1, "torch": "2.13.0"},
    }
    run = place / "runs" / NAME / "1"
    data = {"corpus": None, "files": ["poem.txt"], "eval_streams": 2, "tokenizer": {"name": "char"}}
    recipe = f"task: char_lm\ndata:\n  files:\n  - {text}\n"
    save_folder(run, model, data=data, metrics=metrics, recipe=recipe)
    (run / "samples.txt").write_text("--- temperature 0.8, seed 1\nabc\nbcd\n\n", encoding="utf-8")
    return Made(text, run, make_entry(run, NAME, place / "pretrained", files=[str(text)]))
