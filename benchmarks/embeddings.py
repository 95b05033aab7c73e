"""Reading a large file of vectors for a vocabulary: seconds and memory, against gensim's loader.

    python -m benchmarks.embeddings
    python -m benchmarks.embeddings --full    # 400,000 x 300, about 1.1 GB of text, for a while

The file is made first, in GloVe's text format, of random words and numbers with GloVe's five decimals. Each round reads
it in processes of its own, rnnzoo and gensim in turn: rnnzoo the rows of a vocabulary, gensim (`no_header=True`) the
whole file, which is how its loader works. Memory is the process's peak (VmHWM) over what it held before loading, when
everything was imported; for rnnzoo it is compared with 1.5 times the kept matrix + 50 MB. Before all that the file is
read once, so that the first process does not pay for the disk. A third of the vocabulary is not in the file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SIDES = ("rnnzoo", "gensim")
MB = 1e6


def write_vectors(path: Path, rows: int, dim: int) -> None:
    """A text of `rows` x `dim` vectors; the same few thousand rows of numbers come again and again."""
    generator = np.random.default_rng(0)
    numbers = [
        " ".join(f"{value:.5f}" for value in row).encode() for row in generator.normal(0, 0.4, (min(rows, 4000), dim))
    ]
    with path.open("wb") as file:
        for row in range(rows):
            file.write(b"word%d %b\n" % (row, numbers[row % len(numbers)]))


def vocabulary(rows: int, size: int) -> list[str]:
    """Words from all over the file, and a third that is not in it."""
    draw = random.Random(0)
    inside = draw.sample(range(rows), min(2 * size // 3, rows))
    return [f"word{row}" for row in inside] + [f"unknown{i}" for i in range(size - len(inside))]


def status(name: str) -> float:
    """A figure of ``/proc/self/status``, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def one_round(options: argparse.Namespace) -> dict[str, float]:
    """Loads the file in this process; seconds, peak above what was held before, bytes of the result, a checksum."""
    words = vocabulary(options.rows, options.vocabulary)
    if options.side == "rnnzoo":
        from rnnzoo.embeddings import load_vectors

        before, begun = status("VmRSS"), time.perf_counter()
        vectors = load_vectors(options.file, words)
        seconds, peak = time.perf_counter() - begun, status("VmHWM") - before
        kept, found = float(vectors.matrix.nbytes), vectors.matrix[vectors.found]
    else:
        from gensim.models import KeyedVectors

        before, begun = status("VmRSS"), time.perf_counter()
        model = KeyedVectors.load_word2vec_format(options.file, no_header=True)
        seconds, peak = time.perf_counter() - begun, status("VmHWM") - before
        kept, found = float(model.vectors.nbytes), np.stack([model[word] for word in words if word in model])
    return {"seconds": seconds, "peak": peak, "kept": kept, "sum": float(found.sum(dtype=np.float64))}


def in_own_process(side: str, options: argparse.Namespace, path: Path) -> dict[str, float]:
    """`one_round` of `side`, run by this module in a new process."""
    setting = [f"--rows={options.rows}", f"--dim={options.dim}", f"--vocabulary={options.vocabulary}"]
    command = [sys.executable, "-m", "benchmarks.embeddings", "--side", side, "--file", str(path), *setting]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"benchmarks.embeddings: a round of {side} failed")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds of both sides, taken in turn."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-", dir=options.folder) as folder:
        path = Path(folder) / "vectors.txt"
        write_vectors(path, options.rows, options.dim)
        size = path.stat().st_size
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
        for number in range(options.rounds):
            for side in SIDES if number % 2 == 0 else reversed(SIDES):
                found[side].append(in_own_process(side, options, path))
                print(f"round {number + 1}: {side} {found[side][-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
    sums = {round_["sum"] for side in SIDES for round_ in found[side]}
    if len(sums) != 1:
        raise SystemExit(f"benchmarks.embeddings: the sides read different vectors: {sums}")
    return {"setting": {key: getattr(options, key) for key in ("rows", "dim", "vocabulary")}, "size": size, **found}


def report(found: dict[str, Any]) -> str:
    """The figures as a small table."""
    setting = found["setting"]
    lines = [
        f"{setting['rows']:,} x {setting['dim']} as text, {found['size'] / MB:,.0f} MB; "
        f"a vocabulary of {setting['vocabulary']:,}; {len(found['rnnzoo'])} rounds"
    ]
    for side in SIDES:
        seconds = [round_["seconds"] for round_ in found[side]]
        peak, kept = max(round_["peak"] for round_ in found[side]), found[side][0]["kept"]
        lines.append(
            f"{side:7}  {statistics.median(seconds):7.2f} s (median; {min(seconds):.2f} to {max(seconds):.2f}), "
            f"peak {peak / MB:,.0f} MB for a matrix of {kept / MB:,.0f} MB"
        )
    ratios = [
        theirs["seconds"] / ours["seconds"] for ours, theirs in zip(found["rnnzoo"], found["gensim"], strict=True)
    ]
    most = 1.5 * found["rnnzoo"][0]["kept"] + 50 * MB
    lines.append(f"ratio    {statistics.median(ratios):7.2f} (gensim's seconds by rnnzoo's), bound {most / MB:,.0f} MB")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.embeddings", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--rows", type=int, default=40_000, help="vectors of the file (40,000)")
    parser.add_argument("--dim", type=int, default=300, help="numbers of each (300)")
    parser.add_argument("--full", action="store_true", help="400,000 x 300")
    parser.add_argument("--vocabulary", type=int, default=10_000, help="tokens whose vectors are kept (10,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side (3)")
    parser.add_argument("--folder", type=Path, help="where the file is made, for a while (the system's)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)  # one round, for this module
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.full:
        options.rows, options.dim = 400_000, 300
    if options.side:
        print(json.dumps(one_round(options)))
        return 0
    print(report(measure(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
