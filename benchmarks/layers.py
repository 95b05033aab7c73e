"""Training speed of rnnzoo.rnn against PyTorch's own modules: forward and backward, one run, interleaved.

    python -m benchmarks.layers
    python -m benchmarks.layers --rounds 2 --shapes 4x8x16
    python -m benchmarks.layers --cells mingru qrnn

Both modules have the same weights and read the same batch (BxTxH, two layers, D = H), padded, packed and in both
directions. A ratio is the median over the rounds of PyTorch's time divided by ours in the same round; other cells than
lstm, gru and rnn are measured against nn.GRU.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import rnnzoo
from benchmarks.harness import CLOCKS, OURS, machine, parser_of, take_turns, use_threads

THEIRS: dict[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
KINDS = ("padded", "packed", "bidirectional")


def step_of(layer: nn.Module, x: Any, now: Callable[[], float], repeats: int) -> Callable[[], float]:
    """A side: so many forward and backward passes, timed."""

    def turn() -> float:
        begun = now()
        for _ in range(repeats):
            y, _ = layer(x)
            (y.data if isinstance(y, PackedSequence) else y).sum().backward()
        return (now() - begun) / repeats

    return turn


def measure(cell: str, shape: tuple[int, int, int], kind: str, rounds: int, repeats: int, clock: str) -> list[float]:
    """PyTorch's time divided by ours, round by round."""
    rows, steps, size = shape
    torch.manual_seed(0)
    form: Any = {"num_layers": 2, "batch_first": True, "bidirectional": kind == "bidirectional"}
    theirs = THEIRS.get(cell, nn.GRU)(size, size, **form)
    ours = rnnzoo.rnn(cell, size, size, **form)
    if cell in THEIRS:
        ours.load_state_dict(theirs.state_dict())
    x: Any = torch.randn(rows, steps, size)
    if kind == "packed":
        lengths = torch.randint(steps // 2, steps + 1, (rows,))
        x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    sides = {name: step_of(layer, x, CLOCKS[clock], repeats) for name, layer in (("torch", theirs), (OURS, ours))}
    for side in sides.values():
        side()
    seconds = take_turns(sides, rounds)
    return [there / here for there, here in zip(seconds["torch"], seconds[OURS], strict=True)]


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Prints a ratio a line, and returns them."""
    parser = parser_of("layers", __doc__, rounds=41, threads=1)
    parser.add_argument("--shapes", nargs="+", default=["32x64x128", "8x100x32"], help="BxTxH")
    parser.add_argument("--cells", nargs="+", default=list(THEIRS))
    parser.add_argument("--repeats", type=int, default=2, help="passes of a turn")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    facts = machine()
    print(f"{facts['cpu']}, {options.threads} thread(s), torch {facts['torch']}, {options.clock} time")
    ratios = {}
    for cell in options.cells:
        every: list[float] = []
        for shape in options.shapes:
            for kind in KINDS:
                sizes = tuple(map(int, shape.split("x")))
                assert len(sizes) == 3, shape
                found = measure(cell, sizes, kind, options.rounds, options.repeats, options.clock)
                every += found
                ratio = ratios[f"{cell} {shape} {kind}"] = statistics.median(found)
                quarter = statistics.quantiles(found, n=4) if len(found) > 1 else [ratio] * 3
                print(
                    f"{cell:>12} {shape:>10} {kind:<13} {ratio:.3f}  ({quarter[0]:.3f} to {quarter[2]:.3f})", flush=True
                )
        print(f"{cell:>12} {'all':>10} {'':<13} {statistics.median(every):.3f}", flush=True)
    return ratios


if __name__ == "__main__":
    main()
