"""Training speed of the cells without a recurrent matrix, against nn.GRU and nn.LSTM: one run, interleaved.

    python -m benchmarks.linear_cells
    python -m benchmarks.linear_cells --shapes 2x8 --hidden 16 --rounds 1 --cells mingru mlstm:2

A round takes one whole training step (forward, backward, clipping, Adam) of each side: a character model with V = 65,
an embedding, two layers and an output layer. A cell's ratio is the median over the rounds of nn.GRU's time divided by
its own in the same round. `mingru:loop` is the same cell unrolled step by step under autograd, `mingru:chunked` the
scan as a GPU runs it. With one thread the time is the CPU's, so that a machine with other work gives the ratios of an
idle one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, unroll
from rnnzoo.cells.mingru import MinGRU, MinGRUState
from rnnzoo.nn.elementwise import gated_scan

VOCABULARY = 65  # Tiny Shakespeare's
BASELINES = ("nn.GRU", "nn.LSTM")
CELLS = (
    "mingru", "mingru:chunked", "mingru:loop", "minlstm", "indrnn", "sru", "qrnn", "lru", "rglru", "mlstm:8",
    "gated_deltanet:8",
)  # fmt: skip


class LoopedMinGRU(MinGRU):
    """What a plain implementation does: one step after the other, each with its own nodes in autograd's graph."""

    def forward(self, x: torch.Tensor, state: Any = None, lengths: Any = None) -> Any:
        return unroll(self, x, self.begin(x, state), lengths)


class ChunkedMinGRU(MinGRU):
    """The scan in chunks, as on a GPU."""

    def all_steps(self, x: torch.Tensor, state: MinGRUState) -> tuple[torch.Tensor, MinGRUState]:
        h = gated_scan(*self._gates(x), state.h, method="chunked")
        return h, MinGRUState(h)


VARIANTS = {"loop": LoopedMinGRU, "chunked": ChunkedMinGRU}


class Model(nn.Module):
    """A character model: embedding, two layers of the cell `name`, output layer."""

    def __init__(self, name: str, embedding_dim: int, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, embedding_dim)
        self.backbone: nn.Module
        kind, _, option = name.partition(":")
        if name in BASELINES:
            self.backbone = getattr(nn, kind.removeprefix("nn."))(embedding_dim, hidden_size, 2, batch_first=True)
        elif variant := VARIANTS.get(option):
            self.backbone = nn.ModuleList([variant(embedding_dim, hidden_size), variant(hidden_size, hidden_size)])
        else:
            config = CellConfig.from_dict({"name": kind} | ({"heads": int(option)} if option.isdigit() else {}))
            self.backbone = StackConfig(config, hidden_size=hidden_size, num_layers=2).build(embedding_dim)
        self.head = nn.Linear(hidden_size, VOCABULARY)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T) to logits (B, T, V)."""
        x = self.embedding(tokens)
        for layer in self.backbone if isinstance(self.backbone, nn.ModuleList) else [self.backbone]:
            x, _ = layer(x)
        return self.head(x)


def one_step(model: Model, optimizer: torch.optim.Optimizer, tokens: torch.Tensor, clock: Callable[[], float]) -> float:
    """Seconds of a training step on tokens (B, T + 1)."""
    start = clock()
    loss = nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return clock() - start


def measure(options: argparse.Namespace, batch: int, steps: int) -> dict[str, list[float]]:
    """For each side its seconds, round by round; the first round is not counted."""
    clock = time.process_time if options.threads == 1 else time.perf_counter
    torch.manual_seed(0)
    models = {name: Model(name, options.embedding, options.hidden) for name in (*BASELINES, *options.cells)}
    optimizers = {name: torch.optim.Adam(model.parameters(), fused=True) for name, model in models.items()}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(options.rounds + 1):
        tokens = torch.randint(VOCABULARY, (batch, steps + 1))
        for name, model in models.items():
            seconds[name].append(one_step(model, optimizers[name], tokens, clock))
    return {name: times[1:] for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shapes", nargs="+", default=["64x128", "8x1024"], help="batch x steps (default: %(default)s)"
    )
    parser.add_argument(
        "--cells", nargs="+", default=list(CELLS), metavar="CELL", help="a cell, :N heads (default: all)"
    )
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, E {options.embedding}, H {options.hidden}, 2 layers")
    print("| B x T | cell | tokens/s | x nn.GRU | x nn.LSTM |\n|---|---|---|---|---|")
    for shape in options.shapes:
        batch, steps = map(int, shape.split("x"))
        seconds = measure(options, batch, steps)
        for name, times in seconds.items():
            rate = batch * steps / statistics.median(times)
            ratios = [
                statistics.median(theirs / ours for theirs, ours in zip(seconds[base], times, strict=True))
                for base in BASELINES
            ]
            print(f"| {shape} | {name} | {rate:,.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
