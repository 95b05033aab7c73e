"""Characters per second of every model in the zoo, one text at a time on one core; kept in docs/speed.csv.

python -m benchmarks.use            # measures, and writes the file
python -m benchmarks.use --missing  # measures those that are not in it yet
python -m benchmarks.use --check    # says which entries are not in it

What is timed is `model.generate`, one text of 400 characters or so at temperature 0.8, after a shorter one, or
`model.translate`, one sample sentence after the other, by the beam that it takes when nothing is said; of a classifier
the characters and tokens that `model.classify` reads, one sample after the other. The models take
turns, five rounds, and the best round counts. Seconds are those of the processor, of this process alone, so that other
work on the machine counts little; with one thread they are those of the clock on a machine that is left alone.
"""

from __future__ import annotations

import argparse
import csv
import io
import platform
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import torch

from rnnzoo import load
from rnnzoo.models import Classifier, LanguageModel, Seq2Seq
from rnnzoo.tasks.translator.card import sample_rows
from rnnzoo.zoo import entry_names

FILE = Path(__file__).resolve().parent.parent / "docs" / "speed.csv"
COLUMNS = ("entry", "characters_per_second", "tokens_per_second", "device", "threads", "torch")
CHARACTERS, ROUNDS = 400, 5


def speed(model: LanguageModel, tokens: int) -> tuple[float, float]:
    """Characters and tokens per second of one text."""
    begin = time.process_time()
    text = model.generate(max_new_tokens=tokens, temperature=0.8, seed=1)[0]
    seconds = time.process_time() - begin
    return len(text) / seconds, tokens / seconds


def speed_of_translation(model: Seq2Seq, sentences: Sequence[str]) -> tuple[float, float]:
    """Characters and tokens written per second."""
    begin = time.process_time()
    texts = [model.translate(sentence)[0] for sentence in sentences]
    seconds = time.process_time() - begin
    return sum(map(len, texts)) / seconds, sum(len(model.tgt_tokenizer.encode(text)) + 1 for text in texts) / seconds


def speed_of_classification(model: Classifier, texts: Sequence[str]) -> tuple[float, float]:
    """Characters and tokens read per second."""
    begin = time.process_time()
    for text in texts:
        model.classify(text, unknown="drop")
    seconds = time.process_time() - begin
    return sum(map(len, texts)) / seconds, sum(len(ids) for ids in model.tokenizer.encode_all(list(texts))) / seconds


def measure(names: Collection[str] | None = None) -> dict[str, tuple[float, float]]:
    """The best round of each entry, or of those named; their rounds alternate."""
    entries = {name: path for name, path in entry_names().items() if names is None or name in names}
    models = {name: load(name) for name in entries}
    best = dict.fromkeys(models, (0.0, 0.0))
    for _ in range(ROUNDS):
        for name, model in models.items():
            if isinstance(model, Seq2Seq):
                samples = sample_rows((entries[name] / "samples.txt").read_text(encoding="utf-8"))
                best[name] = max(best[name], speed_of_translation(model, [source for source, _, _ in samples]))
                continue
            if isinstance(model, Classifier):
                texts = (entries[name] / "samples.txt").read_text(encoding="utf-8").splitlines()
                best[name] = max(best[name], speed_of_classification(model, [text.split("\t")[0] for text in texts]))
                continue
            tokens = CHARACTERS if model.tokenizer.kind in ("char", "byte") else CHARACTERS // 5
            speed(model, 20)
            best[name] = max(best[name], speed(model, tokens))
    return best


def stored() -> dict[str, float]:
    """Characters per second by entry, as they were measured."""
    if not FILE.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(FILE.read_text(encoding="utf-8")))
    return {row["entry"]: float(row["characters_per_second"]) for row in rows}


def main(arguments: list[str] | None = None) -> int:
    """Measures or checks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.use", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="measure nothing; say which entries are missing")
    parser.add_argument("--missing", action="store_true", help="measure those that are not in the file yet")
    options = parser.parse_args(arguments)
    if options.check:
        missing = sorted(entry_names().keys() - stored().keys())
        print(f"not measured: {', '.join(missing)}" if missing else "all measured", file=sys.stderr)
        return int(bool(missing))
    torch.set_num_threads(1)
    rows: dict[str, Sequence[object]] = {}
    if options.missing and FILE.is_file():
        rows = {row[0]: row for row in [*csv.reader(io.StringIO(FILE.read_text(encoding="utf-8")))][1:]}
    for name, (characters, tokens) in measure(entry_names().keys() - rows.keys()).items():
        print(f"{name:32}{characters:8,.0f} characters/s{tokens:8,.0f} tokens/s")
        rows[name] = [name, f"{characters:.0f}", f"{tokens:.0f}", platform.machine(), 1, torch.__version__]
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows[name] for name in sorted(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
