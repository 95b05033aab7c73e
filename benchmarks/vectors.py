"""What pretrained word vectors bring: one recipe with them and without, three seeds each.

    python -m benchmarks.vectors --vectors wikitext-2.200d.txt
    python -m benchmarks.results        # shows it in docs/results.md

Each run is a `rnnzoo.train` of word-lstm.ptb-word2vec to its end; a run that has been finished is not run again, so an
interrupted benchmark is simply started once more. docs/embeddings.md says how the vectors are made.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from rnnzoo.files import write_json

RECIPE = "word-lstm.ptb-word2vec"
OUT = Path(__file__).resolve().parent / "results" / "vectors.json"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vectors", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--vectors", type=Path, required=True, help="the file of vectors")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="(1 2 3)")
    parser.add_argument("--runs", default="runs/vectors", metavar="DIR", help="where run folders go (runs/vectors)")
    parser.add_argument("--json", type=Path, default=OUT, metavar="OUT", help=f"(benchmarks/results/{OUT.name})")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="other settings of every run")
    return parser.parse_args(arguments)


def one(options: argparse.Namespace, start: str, seed: int) -> dict[str, Any]:
    """The figures of one run, which is trained if it has not been."""
    from rnnzoo.tasks import train
    from rnnzoo.zoo import parse_yaml, read_metrics

    runs = Path(options.runs) / start / str(seed)
    finished = sorted(runs.glob("*/*/metrics.json"))
    if finished:
        folder = finished[-1].parent
    else:
        embedding = {"source": str(options.vectors)} if start == "word2vec" else None
        settings = dict(setting.split("=", 1) for setting in options.set)
        values = {name: parse_yaml(value) for name, value in settings.items()}
        folder = train(RECIPE, runs=runs, seed=seed, settings={"embedding": embedding, **values})
    metrics = read_metrics(folder)
    return {
        "start": start,
        "seed": seed,
        "valid_ppl": metrics["scores"]["valid"]["ppl"],
        "test_ppl": metrics["scores"]["test"]["ppl"],
        "minutes": metrics["training"]["seconds"] / 60,
    } | _coverage(metrics.get("embedding"))


def _coverage(embedding: dict[str, Any] | None) -> dict[str, int]:
    """How much of the vocabulary has a vector, in numbers."""
    if embedding is None:
        return {}
    counts = ("types", "exact", "tokens", "found_tokens")
    return {name: embedding["coverage"][name] for name in counts}


def report(rows: list[dict[str, Any]]) -> str:
    """Mean and spread of each start."""
    lines = []
    for start in dict.fromkeys(row["start"] for row in rows):
        values = [row["test_ppl"] for row in rows if row["start"] == start]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        each = ", ".join(f"{value:.2f}" for value in values)
        lines.append(f"{start:9} test perplexity {statistics.mean(values):.2f} +- {spread:.2f}  ({each})")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Trains what is missing, prints and writes; returns the exit code."""
    options = parse(arguments)
    rows: list[dict[str, Any]] = []
    for seed in options.seeds:  # the starts in turn, so that an interrupted benchmark is still paired
        rows += [one(options, start, seed) for start in ("random", "word2vec")]
        write_json(options.json, {"recipe": RECIPE, "vectors": options.vectors.name, "runs": rows})
    print(report(json.loads(options.json.read_text(encoding="utf-8"))["runs"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
