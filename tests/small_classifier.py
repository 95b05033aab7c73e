"""A classifier so small that it takes no time, texts with labels, and the run and the entry that it could have."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import small_texts
import torch

from rnnzoo.data.labelled import load_labelled
from rnnzoo.models import Classifier, ClassifierConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import make_entry, save_folder
from rnnzoo.zoo.kinds import kind_of

ALPHABET = "abcdefgh "
NAME = "cls-gru.shapes"


def small_classifier(**fields: Any) -> Classifier:
    """A small model; keyword arguments are fields of its config."""
    torch.manual_seed(9)
    config = {
        "labels": sorted(small_texts.LETTERS),
        "embedding_dim": 6,
        "backbone": {"cell": "gru", "hidden_size": 7, "num_layers": 2},
    } | fields
    return ClassifierConfig.from_dict(config).build(CharTokenizerConfig().build([ALPHABET]))


class MadeClassifier(NamedTuple):
    """A table, a finished run on it as training leaves it, and the run's entry; tests get copies."""

    table: Path
    run: Path
    entry: Path


def make_classifier(place: Path, **fields: Any) -> MadeClassifier:
    """Makes them below `place`; keyword arguments are fields of the model's config."""
    table = small_texts.write(place, 60)
    model = small_classifier(**{"pooling": ["last", "attention"]} | fields).eval()
    corpus = load_labelled(files=[table], test_part=True)
    data = {"files": ["texts.csv"], "test_part": True, "tokenizer": {"name": "char"}}
    scores = {split: kind_of(model).measure(model, corpus, split, data, {}) for split in ("valid", "test")}
    metrics = {
        "task": "classifier",
        "recipe": NAME,
        "split": "test",
        **{key: value for key, value in scores["test"].items() if isinstance(value, (int, float))},
        "scores": scores,
        "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split_rule": corpus.split_rule},
        "seed": 1,
        "parameters": model.num_parameters,
        "vocab_size": model.vocab_size,
        "cell": "gru",
        "training": {
            **{"seconds": 60.0, "epochs": 1, "steps": 3, "tokens": 900, "tokens_per_second": 15.0},
            "peak_memory_bytes": 2**28,
        },
        "hardware": {"device": "cpu", "name": "x86_64", "devices": 1, "threads": 1, "torch": "2.13.0"},
    }
    run = place / "runs" / NAME / "1"
    save_folder(run, model, data=data, metrics=metrics, recipe=f"task: classifier\ndata:\n  files:\n  - {table}\n")
    (run / "samples.txt").write_text("abc bad\tplain\tround\n", encoding="utf-8")
    return MadeClassifier(table, run, make_entry(run, NAME, place / "pretrained", files=[str(table)]))
