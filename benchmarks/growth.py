"""How cost and memory grow with the length T and the batch B: training, and generation to 100,000 characters.

    python -m benchmarks.growth
    python -m benchmarks.growth --steps 16 32 64 --batches 1 2 --characters 2000 --hidden 32

Training: one forward and backward pass of a language model, for a standard cell (oneDNN), a gated cell with an adjoint
of our own, and one that is scanned. Every point is a process of its own, which first makes a short pass, so that
gradients and kernels are there; memory is the process's peak above what it held then, as the system counts it (Linux).
Generation: one stream of characters, its memory and time noted on the way. Slopes are those of the logarithms: 1 is
linear, 0 is constant.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness import CLOCKS, keep, machine, parser_of, say, use_threads
from benchmarks.peers import VOCABULARY
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizer

CELLS = ("lstm", "layernorm_lstm", "mingru")
WARM = 100
"""Characters before generation is measured, steps before training is."""

Points = list[tuple[float, float]]


def build(cell: str, hidden: int) -> LanguageModel:
    """Two layers over Tiny Shakespeare's characters."""
    torch.manual_seed(0)
    config = {"embedding_dim": 128, "backbone": {"cell": cell, "hidden_size": hidden, "num_layers": 2}}
    return LanguageModelConfig.from_dict(config).build(CharTokenizer(list(VOCABULARY)))


# ---------------------------------------------------------------------------------------------------------- memory


def held(name: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at most."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("benchmarks.growth: /proc/self/status does not say what memory this process holds")


def forget_peak() -> int:
    """Begins a new peak; the bytes held now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return held("VmRSS")


# ---------------------------------------------------------------------------------------------------------- points


def training_point(cell: str, batch: int, steps: int, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds and bytes of a training pass, in this process."""
    model, now = build(cell, options.hidden).train(), CLOCKS[options.clock]

    def one_pass(steps: int) -> float:
        tokens = torch.randint(len(VOCABULARY), (batch, steps + 1))
        begun = now()
        model.nll(tokens[:, :-1], tokens[:, 1:])[0].backward()
        return now() - begun

    one_pass(2)
    before = forget_peak()
    first = one_pass(steps)
    grown = held("VmHWM") - before
    return min(first, one_pass(steps)), grown


def in_own_process(cell: str, batch: int, steps: int, options: argparse.Namespace) -> tuple[float, float]:
    """The same in a new one."""
    point = ["--point", cell, str(batch), str(steps)]
    common = [f"--{name}={getattr(options, name)}" for name in ("hidden", "clock", "threads")]
    command = [sys.executable, "-m", "benchmarks.growth", *point, *common]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    say(f"{cell}, B {batch}, T {steps}: {float(said[0]):.3f} s, {float(said[1]) / 1e6:.1f} MB")
    return float(said[0]), float(said[1])


def generation_points(cell: str, options: argparse.Namespace) -> tuple[Points, Points]:
    """Seconds and bytes after so many characters of one stream."""
    model, now = build(cell, options.hidden).eval(), CLOCKS[options.clock]
    marks = [mark for mark in (1_000, 3_000, 10_000, 30_000, 100_000) if mark < options.characters]
    marks.append(options.characters)
    seconds, memory, begun, before = Points(), Points(), 0.0, 0
    for number, _ in enumerate(model.session(seed=1).stream(WARM + options.characters), start=1 - WARM):
        if number == 0:
            begun, before = now(), forget_peak()
        if number == marks[len(seconds)]:
            seconds.append((number, now() - begun))
            memory.append((number, held("VmHWM") - before))
            say(f"{cell}: {number:,} characters, {seconds[-1][1]:.1f} s, {memory[-1][1] / 1e6:.2f} MB")
            if number == marks[-1]:
                break
    return seconds, memory


# ---------------------------------------------------------------------------------------------------------- figures


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Least squares through the logarithms; None where there are none."""
    if len(points) < 2 or min(y for _, y in points) <= 0:
        return None
    xs, ys = ([math.log(value) for value in column] for column in zip(*points, strict=True))
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def series(name: str, x: str, y: str, points: Mapping[str, Points]) -> dict[str, Any]:
    """A picture's lines: side to its points, with their slopes."""
    return {"name": name, "x": x, "y": y, "points": points, "slopes": {side: slope(p) for side, p in points.items()}}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All points."""
    found: dict[str, dict[str, Points]] = {key: {} for key in ("T s", "T B", "B s", "B B", "gen s", "gen B")}
    for cell in options.cells:
        by_steps = [(steps, in_own_process(cell, options.batch, steps, options)) for steps in options.steps]
        by_batch = [(batch, in_own_process(cell, batch, options.chunk, options)) for batch in options.batches]
        for axis, points in (("T", by_steps), ("B", by_batch)):
            found[f"{axis} s"][cell] = [(x, seconds) for x, (seconds, _) in points]
            found[f"{axis} B"][cell] = [(x, grown) for x, (_, grown) in points]
        found["gen s"][cell], found["gen B"][cell] = generation_points(cell, options)
    names = ("hidden", "batch", "chunk", "characters", "clock")
    return {
        "benchmark": "growth",
        "title": "Growth with length and batch",
        "about": (
            f"One training pass and one stream of generated text of a two-layer model of {options.hidden} units. "
            f"By length the batch is {options.batch}, by batch the length is {options.chunk}. Memory is the process's "
            "peak above what it held before; a slope is that of the logarithms: 1 is linear, 0 is constant."
        ),
        "command": "python -m benchmarks.growth",
        "machine": machine(),
        "limits": {},
        "setting": {name: getattr(options, name) for name in names},
        "missing": {},
        "tables": [],
        "series": [
            series("Training: memory by length", "T", "bytes", found["T B"]),
            series("Training: time by length", "T", "seconds", found["T s"]),
            series("Training: memory by batch", "B", "bytes", found["B B"]),
            series("Training: time by batch", "B", "seconds", found["B s"]),
            series("Generation: memory by length", "T", "bytes", found["gen B"]),
            series("Generation: time by length", "T", "seconds", found["gen s"]),
        ],
    }


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = parser_of("growth", __doc__, rounds=1)
    parser.add_argument("--cells", nargs="+", default=list(CELLS), metavar="CELL", help=f"({' '.join(CELLS)})")
    parser.add_argument("--steps", nargs="+", type=int, default=[128, 256, 512, 1024, 2048, 4096], metavar="T")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 16, 64], metavar="B")
    for name, value in (("hidden", 256), ("batch", 8), ("chunk", 256), ("characters", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)  # one process of this module
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    options = parse(arguments)
    use_threads(options.threads)
    if options.point:
        cell, batch, steps = options.point
        print(*training_point(cell, int(batch), int(steps), options))
        return 0
    keep(measure(options), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
