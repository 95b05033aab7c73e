"""Training speed: `rnnzoo train` against a plain PyTorch loop around nn.LSTM, both in one run, interleaved.

    python -m benchmarks.train
    python -m benchmarks.train --rounds 1 --steps 5 --hidden 64 --no-limit

Both sides read the same ids as the same streams, carry the state, clip the gradient and take a fused AdamW step. The
plain loop has nothing else. The other side is `rnnzoo.train` as the command calls it: Lightning's Trainer, logging, the
progress bar, history.jsonl, and the checkpoint that is written every 50 steps, which falls into the measured steps if
there are 50 of them. What is measured is the time from the end of one step to the end of another, with everything in
between; the first steps of each round, and what comes before and after training, are left out. Each round is a
process of its own, so that what one side does to its process (`rnnzoo.train` tells malloc to keep freed memory) is not
given to the other.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
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
from torch import nn

VOCABULARY = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # Tiny Shakespeare's 65
SETTING = ("steps", "threads", "streams", "chunk", "embedding", "hidden", "layers")
WARM = 3
"""Steps of each round that are not measured."""


class Plain(nn.Module):
    """The same network, as one writes it with PyTorch alone."""

    def __init__(self, embedding_dim: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_size, num_layers, batch_first=True)
        self.head = nn.Linear(hidden_size, len(VOCABULARY))

    def forward(self, tokens: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Logits (B, T, V) and the new state."""
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.head(hidden), state


def plain_round(options: argparse.Namespace, ids: np.ndarray[Any, Any]) -> float:
    """Seconds of the measured steps of a plain loop."""
    torch.manual_seed(1)
    model = Plain(options.embedding, options.hidden, options.layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    rows = np.arange(options.streams)[:, None] * ((len(ids) - 1) // options.streams)
    state, ends = None, []
    for step in range(WARM + options.steps):
        window = ids[rows + np.arange(step * options.chunk, (step + 1) * options.chunk + 1)].astype(np.int64)
        tokens, targets = torch.from_numpy(window[:, :-1]), torch.from_numpy(window[:, 1:])
        logits, state = model(tokens, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state = tuple(part.detach() for part in state)
        ends.append(time.perf_counter())
    return ends[-1] - ends[WARM - 1]


def rnnzoo_round(options: argparse.Namespace, recipe: Path, runs: Path) -> float:
    """Seconds of the measured steps of `rnnzoo.train`."""
    from rnnzoo.tasks import train

    with ends_of_steps() as ends:
        train(recipe, runs=runs)
    assert len(ends) == WARM + options.steps
    return ends[-1] - ends[WARM - 1]


@contextlib.contextmanager
def ends_of_steps() -> Iterator[list[float]]:
    """Notes when each training step of this process ends, where the run's own history is written."""
    from rnnzoo.training import History

    ends: list[float] = []
    written = History.on_train_batch_end

    def noted(self: History, *args: Any) -> None:
        written(self, *args)
        ends.append(time.perf_counter())

    History.on_train_batch_end = noted  # type: ignore[method-assign]
    try:
        yield ends
    finally:
        History.on_train_batch_end = written  # type: ignore[method-assign]


def write_text(options: argparse.Namespace, path: Path) -> None:
    """A text whose training part is just as long as a round needs, and the same ids as an array beside it."""
    needed = options.streams * options.chunk * (WARM + options.steps) + 1
    ids = np.random.default_rng(0).integers(0, len(VOCABULARY), -(-needed * 10 // 9) + 10).astype(np.uint8)
    ids[: len(VOCABULARY)] = np.arange(len(VOCABULARY))
    path.write_text("".join(np.array(list(VOCABULARY))[ids]), encoding="utf-8", newline="")
    np.save(path.with_suffix(".npy"), ids[:needed])


def write_recipe(options: argparse.Namespace, text: Path, path: Path) -> None:
    """The recipe of one round: as long as the plain loop, the score read from next to nothing."""
    import yaml

    recipe = {
        "task": "char_lm",
        "data": {"files": [str(text)], "streams": options.streams, "chunk_len": options.chunk, "eval_streams": 512},
        "model": {
            "embedding_dim": options.embedding,
            "backbone": {"cell": "lstm", "hidden_size": options.hidden, "num_layers": options.layers},
        },
        "optimizer": {"name": "adamw", "lr": 1e-3},
        "schedule": {"name": "constant"},
        "trainer": {
            "max_epochs": 1,
            "limit_train_batches": WARM + options.steps,
            "gradient_clip_val": 1.0,
            "accelerator": "cpu",
        },
    }
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")


def flop_per_token(options: argparse.Namespace) -> float:
    """Multiplications and additions of the matrix products of one token, forward and (twice that) backward."""
    inputs = [options.embedding, *[options.hidden] * (options.layers - 1)]
    layers = sum(2 * 4 * options.hidden * (size + options.hidden) for size in inputs)
    return 3.0 * (layers + 2 * options.hidden * len(VOCABULARY))


def sgemm_gflops(size: int = 2048, repeats: int = 9) -> float:
    """What a large float32 matrix product reaches here, in GFLOP/s."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - begun)
    return 2 * size**3 / statistics.median(seconds) / 1e9


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options; their defaults are the setting that the results page names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=4, help="rounds of each side (4)")
    parser.add_argument("--steps", type=int, default=50, help="measured steps of a round (50)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch (as it sets them)")
    for name, value in (("streams", 64), ("chunk", 128), ("embedding", 128), ("hidden", 512), ("layers", 2)):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    parser.add_argument("--no-limit", action="store_true", help="do not measure the matrix product")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    parser.add_argument("--side", choices=("plain", "rnnzoo"), help=argparse.SUPPRESS)  # one round, for this module
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds; `plain` and `rnnzoo` are tokens per second, `ratio` is that of neighbours in time."""
    tokens = options.streams * options.chunk * options.steps
    rates: dict[str, list[float]] = {"plain": [], "rnnzoo": []}
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
        root = Path(folder)
        write_text(options, root / "text.txt")
        write_recipe(options, root / "text.txt", root / "bench.yaml")
        for number in range(options.rounds):
            for name in sorted(rates, reverse=number % 2 == 1):  # A B B A ...: what drifts drifts for both
                rates[name].append(tokens / in_own_process(name, options, root))
                print(f"round {number + 1}: {name} {rates[name][-1]:,.0f} tokens/s", file=sys.stderr, flush=True)
    gflops = None if options.no_limit else sgemm_gflops()
    return {
        "setting": {name: getattr(options, name) for name in ("streams", "chunk", "embedding", "hidden", "layers")}
        | {"vocabulary": len(VOCABULARY), "steps": options.steps},
        "machine": {"cores": cores(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        "flop_per_token": flop_per_token(options),
        "sgemm_gflops": gflops,
        "limit": None if gflops is None else gflops * 1e9 / flop_per_token(options),
        **rates,
        "ratio": [ours / theirs for ours, theirs in zip(rates["rnnzoo"], rates["plain"], strict=True)],
    }


def in_own_process(side: str, options: argparse.Namespace, root: Path) -> float:
    """The seconds of one round of `side`, run by this module in a new process."""
    setting = [f"--{key}={getattr(options, key)}" for key in SETTING]
    command = [sys.executable, "-m", "benchmarks.train", "--side", side, "--root", str(root), *setting]
    done = subprocess.run(command, env={**os.environ, "RNNZOO_CACHE": str(root)}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"benchmarks.train: a round of {side} failed")
    return float(done.stdout.split()[-1])


def one_round(options: argparse.Namespace) -> float:
    """The seconds of one round of `options.side`, in this process."""
    if options.side == "rnnzoo":
        return rnnzoo_round(options, options.root / "bench.yaml", options.root / "runs")
    return plain_round(options, np.load(options.root / "text.npy", mmap_mode="r"))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def report(found: dict[str, Any]) -> str:
    """The figures as a small table."""
    setting, machine = found["setting"], found["machine"]
    lines = [
        f"LSTM, V {setting['vocabulary']}, E {setting['embedding']}, H {setting['hidden']}, L {setting['layers']}, "
        f"B {setting['streams']}, T {setting['chunk']}; {setting['steps']} steps a round, {len(found['ratio'])} rounds",
        f"machine  {machine['cores']} cores, {machine['threads']} threads, torch {machine['torch']}",
    ]
    if found["limit"] is not None:
        cost = found["flop_per_token"] / 1e6
        lines.append(
            f"limit    {found['limit']:8,.0f} tokens/s  (sgemm {found['sgemm_gflops']:.0f} GFLOP/s, "
            f"{cost:.2f} MFLOP a token)"
        )
    for name in ("plain", "rnnzoo"):
        rates = found[name]
        lines.append(
            f"{name:7}  {statistics.median(rates):8,.0f} tokens/s  (median; {min(rates):,.0f} to {max(rates):,.0f})"
        )
    ratio = found["ratio"]
    lines.append(f"ratio    {statistics.median(ratio):8.3f}  (median; {min(ratio):.3f} to {max(ratio):.3f})")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    if options.side:
        print(one_round(options))
        return 0
    found = measure(options)
    print(report(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
