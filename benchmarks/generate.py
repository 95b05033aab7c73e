"""Generation, token after token: the loops that everybody writes against rnnzoo's, all in one process, in turn.

    python -m benchmarks.generate --keep
    python -m benchmarks.generate --docs docs/decoding.md --keep                             # and the page
    python -m benchmarks.generate --hidden 16 --tokens 3 --rounds 1                                  # whether it runs

A character model of random weights: V 65, E 128, LSTM 2x512, float32. All sides have the same weights, take the most
probable character each time, and must write the same text. rnnzoo's is `LanguageModel.generate` as anyone calls it,
with decoding to text, checks and all; the others are bare loops. In each round every side writes once, and a ratio is
that of one round; the median stands with the least and the greatest. With one thread the time is the CPU's own, so
that a machine with other work gives nearly the ratios of an idle one; what remains is that others use its caches, which
slows rnnzoo's side down the most, since little but reading the weights is left in it. The limit is that reading, or at
a large batch the multiplying, at the speed which the same run reaches with nothing else.

Then every cell's step, plain and by a plan, and the products that a plan chooses among.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks import harness
from benchmarks.loops import Write, by_cell, by_module
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.cells._products import packed
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizer

VOCABULARY, EMBEDDING = 65, 128
BLOCK = re.compile(r"(<!-- benchmarks.generate: begin -->\n).*?(<!-- benchmarks.generate: end -->)", re.DOTALL)
NAIVE, ONEDNN_OFF, BY_CELL, PLAIN, OURS = (
    "nn.LSTM loop",
    "nn.LSTM loop, oneDNN off",
    "nn.LSTMCell loop",
    "plain",
    "rnnzoo",
)


def build(cell: str, hidden: int) -> LanguageModel:
    """A model whose text does not repeat one character: its output layer is sharpened."""
    torch.manual_seed(0)
    stack = StackConfig(cell=CellConfig.from_dict({"name": cell}), hidden_size=hidden, num_layers=2)
    model = LanguageModelConfig(embedding_dim=EMBEDDING, backbone=stack).build(
        CharTokenizer([chr(0x4E00 + i) for i in range(VOCABULARY)])
    )
    with torch.no_grad():
        model.head.weight.mul_(8)  # type: ignore[operator]
    return model.eval()


def by_rnnzoo(model: LanguageModel, batch: int, tokens: int, backend: str) -> Write:
    """`LanguageModel.generate`; rows of one text each, which all start alike."""

    def write() -> torch.Tensor:
        texts = model.generate(max_new_tokens=tokens, temperature=0.0, num=batch, backend=backend)
        return torch.tensor([[ord(character) - 0x4E00 for character in text] for text in texts])

    return write


def in_turn(sides: dict[str, Write], rounds: int, now: Callable[[], float]) -> dict[str, list[float]]:
    """The seconds of each side in each round; a first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        texts = []
        for name in sides if number % 2 else reversed(sides):
            begun = now()
            texts.append(sides[name]())
            if number:
                seconds[name].append(now() - begun)
        assert all(torch.equal(text, texts[0]) for text in texts), "the sides wrote different texts"
    return seconds


def compared(options: argparse.Namespace, batch: int) -> dict[str, Any]:
    """All sides at one batch size; the number of characters is less where a step is longer."""
    model, tokens = build("lstm", options.hidden), max(3, options.tokens // (1 + batch // 16))
    sides = {
        NAIVE: by_module(model, batch, tokens),
        ONEDNN_OFF: by_module(model, batch, tokens, onednn=False),
        BY_CELL: by_cell(model, batch, tokens),
        PLAIN: by_rnnzoo(model, batch, tokens, "plain"),
        OURS: by_rnnzoo(model, batch, tokens, "torch"),
    }
    seconds = in_turn(sides, options.rounds, harness.CLOCKS[options.clock])
    ratios = {
        name: [a / b for a, b in zip(seconds[name], seconds[OURS], strict=True)] for name in sides if name != OURS
    }
    return {
        "batch": batch,
        "tokens": tokens,
        "characters_per_second": {name: batch * tokens / statistics.median(times) for name, times in seconds.items()},
        "ratios": {name: spread(found) for name, found in ratios.items()},
        "seconds": seconds,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def limit_of(options: argparse.Namespace, row: dict[str, Any], reached: dict[str, float]) -> float:
    """The seconds of a text whose steps do nothing but multiply by the matrices that are left in a plan."""
    model = build("lstm", options.hidden)
    parts = [*model.backbone.parameters(), *model.head.parameters()]
    folded = EMBEDDING * 4 * options.hidden  # into the table of the first layer's inputs
    entries = sum(weight.numel() for weight in parts if weight.dim() == 2) - folded
    return float(row["tokens"] * harness.least_seconds(entries, row["batch"], reached))


def cells(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Every cell, two layers, one row: characters a second of the plain step and of a plan's."""
    rows = []
    for name in options.cells:
        importlib.import_module(f"rnnzoo.cells.{name}")
        model = build(name, options.hidden)
        tokens = max(3, options.tokens // 2)
        sides = {
            backend: by_rnnzoo(model, 1, tokens, {PLAIN: "plain", OURS: "torch"}[backend]) for backend in (PLAIN, OURS)
        }
        seconds = in_turn(sides, options.rounds, harness.CLOCKS[options.clock])
        speed = {side: tokens / statistics.median(times) for side, times in seconds.items()}
        ratio = spread([a / b for a, b in zip(seconds[PLAIN], seconds[OURS], strict=True)])
        rows.append({"cell": name, "characters_per_second": speed, "ratio": ratio})
        print(f"{name:20} {speed[PLAIN]:7.0f} {speed[OURS]:7.0f}  {ratio['median']:4.1f}x", flush=True)
    return rows


def products(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Microseconds of a few rows by a matrix, one way after the other."""
    rows, now = [], harness.CLOCKS[options.clock]
    for inputs, outputs in ((options.hidden, 4 * options.hidden), (2 * options.hidden, 4 * options.hidden)):
        weight = torch.randn(outputs, inputs) / inputs**0.5
        ordered, columns = packed(weight, 16), np.ascontiguousarray(weight.numpy().T)
        for count in (1, 2, 5, 16, 64):
            x = torch.randn(count, inputs)
            ways: dict[str, Callable[[], Any]] = {"F.linear": lambda x=x, weight=weight: F.linear(x, weight)}
            if ordered is not None:
                ways["oneDNN's order"] = lambda x=x, ordered=ordered: ordered(x)
            ways["OpenBLAS, transposed"] = lambda x=x, columns=columns: np.dot(x.numpy(), columns)
            times = max(3, int(options.tokens * 0.3 / count**0.5))
            found: dict[str, list[float]] = {name: [] for name in ways}
            for number in range(options.rounds + 1):
                for name, way in ways.items():
                    begun = now()
                    for _ in range(times):
                        way()
                    if number:
                        found[name].append((now() - begun) / times * 1e6)
            rows.append(
                {"rows": count, "inputs": inputs, "outputs": outputs}
                | {"microseconds": {name: statistics.median(some) for name, some in found.items()}}
            )
    return rows


def block(found: dict[str, Any]) -> str:
    """The figures as tables of a page."""
    on, setting = found["machine"], found["setting"]
    lines = [
        f"{on['cpu']}, {on['cores']} cores under a load of {on['load']:.0f}, threads: {on['threads']}, torch "
        f"{on['torch']}; `python -m benchmarks.generate`: medians of {setting['rounds']} rounds in turn, in brackets "
        f"the least and the greatest ratio. A character model, LSTM 2x{setting['hidden']}; all write the same text.",
        "",
        "| batch | side | characters/s | `generate` is faster by |",
        "|---|---|---|---|",
    ]
    for row in found["compared"]:
        for name, speed in row["characters_per_second"].items():
            ratio = row["ratios"].get(name)
            times = "" if ratio is None else f"{ratio['median']:.1f}x ({ratio['least']:.1f}–{ratio['greatest']:.1f})"
            shown = {PLAIN: '`generate(backend="plain")`', OURS: "**`generate`**"}.get(name, name)
            lines.append(f"| {row['batch']} | {shown} | {speed:,.0f} | {times} |")
    if found["cells"]:
        lines += ["", "Every cell, two layers of the same size, one row, characters a second:", ""]
        lines += ["| cell | plain | plan | ratio |", "|---|---|---|---|"]
        for row in found["cells"]:
            speed, ratio = row["characters_per_second"], row["ratio"]["median"]
            lines.append(f"| `{row['cell']}` | {speed[PLAIN]:,.0f} | {speed[OURS]:,.0f} | {ratio:.1f}x |")
    lines += ["", "A few rows by a matrix that stays in the cache, microseconds:", ""]
    names = list(found["products"][0]["microseconds"])
    lines += [f"| rows | matrix | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for row in found["products"]:
        times = " | ".join(f"{row['microseconds'][name]:,.0f}" for name in names)
        lines.append(f"| {row['rows']} | {row['inputs']} → {row['outputs']} | {times} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = harness.parser_of("generate", __doc__, rounds=5, threads=1)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64], help="texts at once (1 64)")
    parser.add_argument("--cells", nargs="*", default=list(builtin_cells()), help="cells of the second table (all)")
    for name, value, what in (
        ("hidden", 512, "units of a layer"),
        ("tokens", 200, "characters of a text"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{what} ({value})")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="write the tables into their place on this page")
    options = parser.parse_args(arguments)
    if os.environ.get("OMP_NUM_THREADS") != str(options.threads):  # which OpenBLAS reads when it is loaded
        print(f"start it with OMP_NUM_THREADS={options.threads}: OpenBLAS has as many threads as that says")
        return 2
    if options.threads > 1:
        options.clock = "wall"  # the processor's counts the threads together
    torch.set_num_threads(options.threads)
    found: dict[str, Any] = {
        "benchmark": "generate",
        "title": "Generation",
        "about": "A character model of two LSTM layers; all sides write the same text, rnnzoo by `generate`. Every "
        "cell, and the products that a plan chooses among, are in [Fast decoding](decoding.md). The limit is reading "
        "the weights from the cache, or multiplying by them where that takes longer, and nothing else.",
        "command": f"OMP_NUM_THREADS={options.threads} python -m benchmarks.generate"
        + (f" --threads {options.threads}" if options.threads > 1 else ""),
        "machine": harness.machine() | {"load": os.getloadavg()[0]},
        "limits": harness.limits(options.clock),
        "setting": {"hidden": options.hidden, "rounds": options.rounds, "clock": options.clock},
        "missing": {},
    }
    found["compared"] = []
    for batch in options.batch:
        found["compared"].append(row := compared(options, batch))
        for name, speed in row["characters_per_second"].items():
            ratio = row["ratios"].get(name)
            shown = "" if ratio is None else "{median:5.1f}x ({least:.1f} to {greatest:.1f})".format(**ratio)
            print(f"batch {batch:3} {name:26} {speed:9.0f} characters/s  {shown}", flush=True)
    found["products"], found["cells"] = products(options), cells(options)
    found["tables"] = [
        harness.table(
            f"batch {row['batch']}" + (f", {options.threads} threads" if options.threads > 1 else ""),
            "characters",
            row["batch"] * row["tokens"],
            row["seconds"],
            limit_of(options, row, found["limits"]),
        )
        for row in found["compared"]
    ]
    harness.write(found, options)
    if options.docs:
        page = options.docs.read_text(encoding="utf-8")
        options.docs.write_text(BLOCK.sub(lambda m: m[1] + "\n" + block(found) + "\n" + m[2], page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
