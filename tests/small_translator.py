"""A translator so small that it takes no time, pairs of sentences, and the run and the entry that it could have."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import torch

from rnnzoo.data.pairs import load_pairs
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import make_entry, save_folder
from rnnzoo.zoo.kinds import kind_of

SOURCE, TARGET = "abcdefgh ,.", "stuvwxyz ,.!"
NAME = "mt-gru.poem"


def small_translator(*, joint: bool = False, **fields: Any) -> Seq2Seq:
    """A small model; keyword arguments are fields of its config.

    Args:
        joint: one vocabulary for both sides.
    """
    torch.manual_seed(7)
    stacks = {"encoder": {"cell": "gru", "hidden_size": 4}, "decoder": {"cell": "lstm", "hidden_size": 8}}
    config = Seq2SeqConfig.from_dict({"embedding_dim": 6, **stacks} | fields)
    texts = ([SOURCE + TARGET] * 2) if joint else [SOURCE, TARGET]
    return config.build(*(CharTokenizerConfig().build([text]) for text in texts))


class MadeTranslator(NamedTuple):
    """Two files of pairs, a finished run on them as training leaves it, and the run's entry; tests get copies."""

    files: list[str]
    run: Path
    entry: Path


def make_translator(place: Path) -> MadeTranslator:
    """Makes them below `place`."""
    draw, files = random.Random(3), [place / "poem.src", place / "poem.tgt"]
    for path, letters in zip(files, (SOURCE, TARGET), strict=True):
        lines = ("".join(draw.choice(letters[:8]) for _ in range(draw.randint(3, 9))) for _ in range(80))
        path.write_text("".join(f"{line}.\n" for line in lines), encoding="utf-8", newline="")
    model = small_translator().eval()
    corpus = load_pairs(files=files, src="la", tgt="it", test_part=True)
    data = {
        "files": ["poem.src", "poem.tgt"],
        "src": "la",
        "tgt": "it",
        "test_part": True,
        "cleaning": None,
        "tokenizer": "char",
    }
    told = {"search": {"beam": 2, "length_penalty": "wu", "max_len": 12}}
    scores = {split: kind_of(model).measure(model, corpus, split, data, told) for split in ("valid", "test")}
    metrics = {
        "task": "translator",
        "recipe": NAME,
        "split": "test",
        **scores["test"],
        "scores": scores,
        **told,
        "languages": ["la", "it"],
        "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split_rule": corpus.split_rule},
        "seed": 1,
        "parameters": model.num_parameters,
        "vocab_size": model.vocab_size,
        "cell": "gru/lstm",
        "training": {
            **{"seconds": 60.0, "epochs": 1, "steps": 3, "tokens": 900, "tokens_per_second": 15.0},
            "peak_memory_bytes": 2**28,
        },
        "hardware": {"device": "cpu", "name": "x86_64", "devices": 1, "threads": 1, "torch": "2.13.0"},
    }
    run = place / "runs" / NAME / "1"
    recipe = f"task: translator\ndata:\n  files:\n  - {files[0]}\n  - {files[1]}\n"
    save_folder(run, model, data=data, metrics=metrics, recipe=recipe)
    samples = zip(*corpus.splits["test"], strict=True)
    shown = (f"{source}\n    {source.upper()}\n    ({target})\n" for source, target in samples)
    (run / "samples.txt").write_text("".join(shown), encoding="utf-8")
    names = [str(path) for path in files]
    return MadeTranslator(names, run, make_entry(run, NAME, place / "pretrained", files=names))
