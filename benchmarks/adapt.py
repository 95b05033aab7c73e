"""Settings of dynamic evaluation and of the continuous cache, chosen on validation text and measured on other text.

    python -m benchmarks.adapt                                          # char-lstm.tinyshakespeare
    python -m benchmarks.adapt --model runs/word-lstm.ptb-small --methods sgd cache
    python -m benchmarks.adapt --lr 0.01 0.03 --decay 0 --methods sgd   # a grid of one's own

Chosen on the validation part and measured on the test part; where a corpus has no test part, chosen on the first half
of the validation part and measured on the second. Every figure is that of one stream, so the static one stands beside.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.adaptation import Adaptation, default_cache, default_dynamic, read_adapting
from rnnzoo.inference.scoring.dynamic import gradient_statistics
from rnnzoo.metrics import bits, perplexity
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import find_model, load_folder, read_config
from rnnzoo.zoo.score import entry_corpus

ENTRY = "char-lstm.tinyshakespeare"
METHODS = ("sgd", "rms", "cache")
Grid = dict[str, tuple[float, ...]]
GRIDS: dict[str, dict[str, Grid]] = {
    "char": {
        "sgd": {"lr": (0.01, 0.03, 0.1), "decay": (0.0,)},
        "rms": {"lr": (1e-4, 3e-4, 1e-3), "decay": (0.003, 0.01, 0.03)},
        "cache": {"window": (500, 2000), "theta": (0.2, 0.3, 0.4, 0.6), "mix": (0.1,)},
    },
    "word": {
        "sgd": {"lr": (0.1, 0.5, 2.0), "decay": (0.0,)},
        "rms": {"lr": (3e-4, 1e-3), "decay": (0.003, 0.03)},
        "cache": {"window": (500, 2000), "theta": (0.2, 0.4, 0.8), "mix": (0.05, 0.1)},
    },
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adapt", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--model", default=ENTRY, help=f"a zoo name or a run folder ({ENTRY})")
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where the text files now are, for own text")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="(all)")
    parser.add_argument("--tokens", type=int, default=10_000, help="of the validation text, for each setting (10000)")
    parser.add_argument("--final-tokens", type=int, help="of the text that the best are measured on (all)")
    for name in ("lr", "decay", "segment", "epsilon", "window", "theta", "mix"):
        kind = int if name in ("segment", "window") else float
        parser.add_argument(f"--{name}", type=kind, nargs="+", metavar="X", help="in place of the grid's values")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    return parser.parse_args(arguments)


def settings(options: argparse.Namespace, method: str, kind: str) -> Iterator[dict[str, Any]]:
    """Every point of the grid of `method`, for models whose tokens are of this `kind`."""
    fields = {"sgd": ("lr", "decay", "segment"), "rms": ("lr", "decay", "segment", "epsilon")}
    grid = GRIDS["word" if kind == "word" else "char"][method] | {
        name: getattr(options, name)
        for name in fields.get(method, ("window", "theta", "mix"))
        if getattr(options, name)
    }
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


class Bench:
    """A model, the text to choose on, and the text to measure on."""

    def __init__(self, options: argparse.Namespace) -> None:
        folder = find_model(options.model)
        self.model: LanguageModel = load_folder(folder, kind=LanguageModel)
        corpus = entry_corpus(read_config(folder), options.text)
        parts = {name: self.model.tokenizer.encode(text) for name, text in corpus.splits.items()}
        self.train, valid = parts["train"], parts["valid"]
        half = len(valid) // 2
        self.chosen_on, self.measured_on = "valid", "test"
        tune, self.final = valid, parts.get("test")
        if self.final is None:
            self.chosen_on, self.measured_on = "first half of valid", "second half of valid"
            tune, self.final = valid[:half], valid[half:]
        self.tune = tune[: options.tokens + 1]
        if options.final_tokens:
            self.final = self.final[: options.final_tokens + 1]
        self.statistics: Any = None

    def adaptation(self, method: str, values: dict[str, Any]) -> Adaptation:
        """`method` with these settings, the others as they are by default."""
        kind = self.model.tokenizer.kind
        if method == "cache":
            return Adaptation(cache=default_cache(kind).replace(**values))
        dynamic = default_dynamic(kind, "sgd" if method == "sgd" else "rms").replace(**values)
        if method == "rms" and self.statistics is None:
            self.statistics = gradient_statistics(self.model, self.train, dynamic)
        return Adaptation(dynamic=dynamic, statistics=self.statistics)

    def nll(self, adaptation: Adaptation, ids: Any, names: Sequence[str]) -> tuple[dict[str, float], float]:
        """Nats per token, inf where it diverged, and tokens per second; all `names` in one pass."""
        begun = time.perf_counter()
        try:
            found = read_adapting(self.model, ids, adaptation, names)
        except UserError as error:
            print(f"  {error}")
            return dict.fromkeys(names, math.inf), 0.0
        speed = (len(ids) - 1) / (time.perf_counter() - begun)
        return {name: float(nats.mean()) for name, nats in found.items()}, speed


def row(method: str, values: dict[str, Any], nll: float, tokens: int, speed: float) -> dict[str, Any]:
    """A line of the tables, which is printed at once."""
    figures = {"nll": nll, "bits": bits(nll), "ppl": perplexity(nll)}
    shown = ", ".join(f"{name} {value:g}" for name, value in values.items())
    cells = f"{nll:.4f} nats  {figures['bits']:.4f} bits  ppl {figures['ppl']:8.3f}  {speed:7,.0f}/s"
    print(f"  {method:12} {cells}  {shown}", flush=True)
    return {"method": method, "settings": values, **figures, "tokens": tokens, "tokens_per_second": speed}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The tables, printed as they come."""
    bench = Bench(options)

    def line(method: str, values: dict[str, Any], adaptation: Adaptation, ids: Any) -> dict[str, Any]:
        found, speed = bench.nll(adaptation, ids, (adaptation.name,))
        return row(method, values, found[adaptation.name], len(ids) - 1, speed)

    print(f"{options.model}: chosen on {len(bench.tune) - 1:,} tokens ({bench.chosen_on})")
    grid = [line("static", {}, Adaptation(), bench.tune)]
    best: dict[str, dict[str, Any]] = {}
    for method in options.methods:
        tried = [
            line(method, values, bench.adaptation(method, values), bench.tune)
            for values in settings(options, method, bench.model.tokenizer.kind)
        ]
        best[method] = min(tried, key=lambda each: each["nll"])["settings"]
        grid += tried
    print(f"the best of each, on {len(bench.final) - 1:,} other tokens ({bench.measured_on})")
    final = [line("static", {}, Adaptation(), bench.final)]
    cache = bench.adaptation("cache", best["cache"]).cache if "cache" in best else None
    for method, values in best.items():
        adaptation = bench.adaptation(method, values)
        if method == "cache" or cache is None:
            final.append(line(method, values, adaptation, bench.final))
            continue
        both = Adaptation(adaptation.dynamic, cache, adaptation.statistics)
        found, speed = bench.nll(both, bench.final, ("dynamic", "dynamic_cache"))
        final.append(row(method, values, found["dynamic"], len(bench.final) - 1, speed))
        together = values | best["cache"]
        final.append(row(f"{method}, cache", together, found["dynamic_cache"], len(bench.final) - 1, speed))
    said = {"model": options.model, "chosen_on": bench.chosen_on, "measured_on": bench.measured_on}
    return said | {"grid": grid, "best": final}


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables; returns the exit code, 1 when nothing was better than the static score."""
    options = parse(arguments)
    try:
        found = measure(options)
    except UserError as error:
        print(f"benchmarks.adapt: {error}", file=sys.stderr)
        return error.exit_code
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    static, *others = found["best"]
    return 0 if min(row["nll"] for row in others) < static["nll"] else 1


if __name__ == "__main__":
    sys.exit(main())
