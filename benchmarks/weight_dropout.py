"""What weight dropout costs in training: an LSTM with it against the same without it, in one run, interleaved.

    python -m benchmarks.weight_dropout
    python -m benchmarks.weight_dropout --hidden 1150 --layers 3 --streams 80 --chunk 70    # AWD-LSTM

Both sides are our stack, and nn.LSTM stands beside them; a step is forward, backward and clipping on the same random
vectors. The mask is drawn once for a chunk, whatever its length.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from rnnzoo.backbones import StackConfig
from rnnzoo.training import keep_freed_memory

Run = Callable[[torch.Tensor], torch.Tensor]


def sides(options: argparse.Namespace) -> dict[str, tuple[nn.Module, Run]]:
    """The modules that are compared, and how each is called."""
    found: dict[str, tuple[nn.Module, Run]] = {}
    for name, dropped in (("plain", 0.0), ("weight dropout", 0.5)):
        stack = StackConfig(hidden_size=options.hidden, num_layers=options.layers, weight_dropout=dropped).build(
            options.hidden
        )
        found[name] = (stack, lambda x, stack=stack: stack(x)[0])  # type: ignore[misc]
    lstm = nn.LSTM(options.hidden, options.hidden, options.layers, batch_first=True)
    found["nn.LSTM"] = (lstm, lambda x: lstm(x)[0])
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    description = (__doc__ or "").split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weight_dropout", description=description)
    parser.add_argument("--rounds", type=int, default=10, help="steps of each side (10)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch (as it sets them)")
    for name, value in (("streams", 20), ("chunk", 70), ("hidden", 512), ("layers", 2)):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    x = torch.randn(options.streams, options.chunk, options.hidden)
    found, seconds = sides(options), {}
    for number in range(options.rounds + 1):
        for name, (module, run) in found.items():
            begun = time.perf_counter()
            module.zero_grad()
            run(x).square().sum().backward()
            nn.utils.clip_grad_norm_(module.parameters(), 0.25)
            if number:  # the first step of each is not measured
                seconds.setdefault(name, []).append(time.perf_counter() - begun)
    print(
        f"LSTM, H {options.hidden}, L {options.layers}, B {options.streams}, T {options.chunk}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    for name, times in seconds.items():
        ratios = [other / own for own, other in zip(times, seconds["nn.LSTM"], strict=True)]
        print(
            f"{name:15} {statistics.median(times) * 1e3:8.1f} ms a step  {statistics.median(ratios):.3f} of nn.LSTM's "
            f"speed ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
