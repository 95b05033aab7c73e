"""What `rnnzoo data build` takes of memory and time, and whether training from shards is as fast as from memory.

    python -m benchmarks.shards                          # 32 MB and 128 MB, char and BPE
    python -m benchmarks.shards --megabytes 64 1000      # the figures of docs/multi-gpu.md

Text is generated, words of a vocabulary of 50,000, in a temporary folder that is removed.
Each build is a process of its own, whose peak of resident memory the system tells when it has ended. Training is one
small character model on the tokens of the shards, read from the disk and, interleaved with it, from an array in memory.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnnzoo import state as states
from rnnzoo.data import TokenShards, load_shards
from rnnzoo.data.streams import Chunk, StreamLoader, TokenStreams
from rnnzoo.models import LanguageModelConfig

MB = 1_000_000
STREAMS, CHUNK_LEN = 64, 128


def write_text(path: Path, megabytes: int) -> None:
    """Lines of about fifteen words; what is drawn is repeated after 16 MB, each time from another place on."""
    draw = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    drawn = letters[np.minimum(draw.zipf(1.5, (50_000, 10)) - 1, 25)]
    words = ["".join(row[:size]) for row, size in zip(drawn, draw.integers(1, 11, 50_000), strict=True)]
    shares = 1 / np.arange(10, 50_010)
    chosen = draw.choice(50_000, min(megabytes, 16) * MB // 5, p=shares / shares.sum())
    lines = [" ".join(words[word] for word in line) for line in np.array_split(chosen, len(chosen) // 15)]
    block = "\n".join(lines).encode()
    left, turn = megabytes * MB, 0
    with path.open("wb") as file:
        while left > 0:
            start = turn * 7919 % len(block)
            left -= file.write((block[start:] + b"\n" + block[:start] + b"\n")[:left])
            turn += 1


_LAUNCHER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


def build(text: Path, folder: Path, tokenizer: str) -> tuple[float, float]:
    """Peak of resident memory in MB, and seconds of processor time, of a process that builds.

    It is started by a small one: a process's peak is at least what the one that started it held.
    """
    command = [sys.executable, "-m", "rnnzoo", "data", "build", str(folder), "--text", str(text)]
    launched = [sys.executable, "-c", _LAUNCHER, *command, "--tokenizer", tokenizer]
    code, peak, seconds = subprocess.run(launched, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    if int(code):
        raise SystemExit(f"the build ended with {code}")
    return int(peak) * (1 if sys.platform == "darwin" else 1024) / MB, float(seconds)


class Training:
    """A character model, and a loader that goes round and round."""

    def __init__(self, ids: Any, vocab: Any) -> None:
        torch.manual_seed(0)
        config = {"embedding_dim": 64, "backbone": {"cell": "lstm", "hidden_size": 128}}
        self.model = LanguageModelConfig.from_dict(config).build(vocab)
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.loader = StreamLoader(TokenStreams(ids, STREAMS), CHUNK_LEN)
        self.chunks = self._chunks()
        self.state: Any = None

    def _chunks(self) -> Iterator[Chunk]:
        while True:
            yield from self.loader

    def load(self, chunks: int) -> float:
        """Seconds of processor time that `chunks` chunks take to be read."""
        started = time.process_time()
        for _ in range(chunks):
            next(self.chunks)
        return time.process_time() - started

    def train(self, chunks: int) -> float:
        """Seconds that as many steps take."""
        started = time.perf_counter()
        for _ in range(chunks):
            chunk = next(self.chunks)
            nats, state = self.model.nll(chunk.tokens, chunk.targets, self.state)
            self.state = states.detach(state)
            self.optimizer.zero_grad()
            (nats / chunk.num_targets).backward()
            self.optimizer.step()
        return time.perf_counter() - started


def compare(folder: Path, rounds: int, steps: int) -> None:
    """Prints tokens/s from shards and from memory, and the ratio, for loading alone and for training."""
    corpus = load_shards(folder)
    shards = corpus.splits["train"]
    assert isinstance(shards, TokenShards)
    memory = np.asarray(shards).copy()
    both = {"shards": Training(shards, corpus.tokenizer), "memory": Training(memory, corpus.tokenizer)}
    for what, count in (("load", 50 * steps), ("train", steps)):
        for side in both.values():  # first reads, hashes of the shards, buffers
            getattr(side, what)(3)
        ratios, rates = [], dict[str, list[float]](shards=[], memory=[])
        for number in range(rounds):
            order = list(both) if number % 2 else list(both)[::-1]
            taken = {name: getattr(both[name], what)(count) for name in order}
            for name, seconds in taken.items():
                rates[name].append(count * STREAMS * CHUNK_LEN / seconds)
            ratios.append(taken["memory"] / taken["shards"])
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        figures = ", ".join(f"{name} {statistics.median(found):,.0f}" for name, found in rates.items())
        print(f"  {what}: tokens/s {figures}; shards/memory {statistics.median(ratios):.3f} ({spread})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[32, 128], help="how much text (32 128)")
    parser.add_argument("--tokenizers", nargs="+", default=["char", "bpe"], help="as in a recipe (char bpe)")
    parser.add_argument("--rounds", type=int, default=7, help="of the comparison (7)")
    parser.add_argument("--steps", type=int, default=10, help="of training in a round (10)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    place = Path(tempfile.mkdtemp(prefix="rnnzoo-shards-"))
    try:
        for megabytes in args.megabytes:
            write_text(place / "text.txt", megabytes)
            for tokenizer in args.tokenizers:
                folder = place / "shards"
                peak, seconds = build(place / "text.txt", folder, tokenizer)
                files = sorted(folder.glob("*.bin"))
                size = sum(file.stat().st_size for file in files) / MB
                print(
                    f"{megabytes:,} MB of text, {tokenizer}: peak {peak:.0f} MB, {seconds:.0f} s of "
                    f"processor time ({megabytes / seconds:.1f} MB/s), {len(files)} shards of {size:,.0f} MB",
                    flush=True,
                )
                if tokenizer == "char":
                    compare(folder, args.rounds, args.steps)
                shutil.rmtree(folder)
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
