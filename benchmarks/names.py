"""Which language is a surname from: `cls-gru.names` beside the network of PyTorch's tutorial, on one split, in one run.

    python -m benchmarks.names                  # three seeds; writes benchmarks/results/names.json

The tutorial's network, by its description (docs.pytorch.org, "NLP From Scratch: Classifying Names with a
Character-Level RNN"): one-hot letters without accents, a plain recurrent layer of 128, a linear layer on its last
state; SGD with a learning rate of 0.15, batches of 64, gradients clipped at 3, 27 epochs. Ours is the recipe. Both see
the training part that `rnnzoo` cuts, no name of which is in the test part, and are scored on the latter.
"""

from __future__ import annotations

import argparse
import json
import string
import sys
import tempfile
import time
import unicodedata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import rnnzoo
from rnnzoo.data import load_labelled
from rnnzoo.metrics.classification import classification_figures
from rnnzoo.models import Classifier

FILE = Path(__file__).resolve().parent / "results" / "names.json"
LETTERS = string.ascii_letters + " .,;'" + "_"
EPOCHS, BATCH, RATE, CLIP, HIDDEN = 27, 64, 0.15, 3.0, 128
RECIPE = "cls-gru.names"


def one_hot(name: str) -> Tensor:
    """(T, letters): accents are left out, other characters are one letter."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) != "Mn")
    found = [max(LETTERS.find(letter), -1) % len(LETTERS) for letter in plain]
    return nn.functional.one_hot(torch.tensor(found), len(LETTERS)).float()


class TutorialNetwork(nn.Module):
    """A plain recurrent layer and a linear one on its last state."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.rnn, self.out = nn.RNN(len(LETTERS), HIDDEN), nn.Linear(HIDDEN, classes)

    def forward(self, names: list[Tensor]) -> Tensor:
        """(N, C) log-probabilities."""
        _, last = self.rnn(pack_sequence(names, enforce_sorted=False))
        scores: Tensor = self.out(last[0]).log_softmax(-1)
        return scores


def tutorial(seed: int, texts: list[str], targets: Tensor, test: list[str], classes: int) -> Tensor:
    """The probabilities of the test names, after training."""
    torch.manual_seed(seed)
    network, names = TutorialNetwork(classes), [one_hot(text) for text in texts]
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(names)).split(BATCH):
            loss = nn.functional.nll_loss(network([names[row] for row in rows.tolist()]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
    with torch.no_grad():
        return network([one_hot(text) for text in test]).exp()


def ours(seed: int, folder: str, test: list[str]) -> Tensor:
    """The same of the recipe."""
    run = rnnzoo.train(RECIPE, seed=seed, runs=folder, settings={"trainer.enable_progress_bar": False})
    return rnnzoo.load(run, kind=Classifier).probabilities(test).cpu()


def main(arguments: list[str] | None = None) -> int:
    """Trains, scores and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    corpus = load_labelled("names")
    labels = list(corpus.labels)
    numbers = {label: number for number, label in enumerate(labels)}
    train, test = corpus.splits["train"], corpus.splits["test"]
    targets = torch.tensor([numbers[label] for (label,) in train.labels])
    truth = torch.tensor([numbers[label] for (label,) in test.labels])
    rows: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            ways = {
                "tutorial": lambda seed=seed: tutorial(seed, list(train.texts), targets, list(test.texts), len(labels)),
                RECIPE: lambda seed=seed, folder=folder: ours(seed, folder, list(test.texts)),
            }
            for name, way in ways.items():
                begun = time.process_time()
                found = classification_figures(way(), truth, 0.0, labels)
                row = {"network": name, "seed": seed, "seconds": round(time.process_time() - begun, 1)}
                rows.append(row | {key: round(found[key], 2) for key in ("accuracy", "macro_f1")})
                print(*(f"{key} {value}" for key, value in rows[-1].items()), sep="  ", flush=True)
    FILE.write_text(json.dumps({"test": len(test.texts), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
