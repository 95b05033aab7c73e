"""How soon `cls-gru.languages` knows a language: its accuracy after some characters, and on sentences of 20 and more.

python -m benchmarks.languages      # prints both, and writes benchmarks/results/languages.json

Measured on the test part. What the model says after a character is what `model.session()` says there: a prefix is read
as a text of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import rnnzoo
from rnnzoo.data import load_labelled
from rnnzoo.models import Classifier

FILE = Path(__file__).resolve().parent / "results" / "languages.json"
ENTRY, LONG = "cls-gru.languages", 20
READ = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30)
"""Characters after which it is asked."""


def accuracy(model: Classifier, texts: Sequence[str], labels: Sequence[tuple[str, ...]]) -> float:
    """% of the texts whose label is the likeliest."""
    said = model.probabilities(texts).argmax(1).tolist()
    return 100 * sum((model.labels[one],) == label for one, label in zip(said, labels, strict=True)) / len(texts)


def main() -> int:
    """Measures; returns the exit code."""
    model, part = rnnzoo.load(ENTRY, kind=Classifier), load_labelled("languages").splits["test"]
    rows = [(text, label) for text, label in zip(part.texts, part.labels, strict=True) if len(text) >= LONG]
    long = accuracy(model, [text for text, _ in rows], [label for _, label in rows])
    read = {n: accuracy(model, [text[:n] for text in part.texts], part.labels) for n in READ}
    print(f"{len(rows):,} test sentences of {LONG} characters and more: {long:.2f}%")
    print(f"of all {len(part.texts):,}, after so many characters (or the whole, where it is shorter):")
    print("\n".join(f"{n:4} {share:6.2f}%" for n, share in read.items()))
    found = {"entry": ENTRY, "sentences": len(rows), "long": round(long, 4), "texts": len(part.texts)}
    found["read"] = {str(n): round(share, 4) for n, share in read.items()}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
