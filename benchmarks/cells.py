"""Training speed of every cell against nn.LSTM of the same hidden size, all in one process, interleaved.

    python -m benchmarks.cells
    python -m benchmarks.cells --batch 8 --steps 1024 --cells mingru gru
    python -m benchmarks.cells --rounds 1 --batch 4 --steps 16 --hidden 32 --no-limit

One layer, inputs as wide as its output, float32: forward, a loss over all outputs, backward to weights and inputs. Each
round takes every cell once, and a cell's ratio is that of its time to nn.LSTM's in the same round. Two ratios are
given: of steps a second, and of floating-point operations a second, counting what the matrix products of a step need; a
cell with fewer of them has to be faster than nn.LSTM for the same rate. nn.GRU and a plain loop over nn.LSTMCell stand
beside the cells.

Freed memory is kept, as `rnnzoo.train` does on a CPU. With `--clock cpu` the time is what the process itself used of a
processor, the steadier measure on a machine that others use; their use of its caches and memory is still felt, most by
the cells with the most pointwise work, so that the ratios of a busy machine are too low.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import cores
from rnnzoo.cells import CellConfig
from rnnzoo.training import keep_freed_memory

BASE = "nn.LSTM"


class Loop(nn.Module):
    """nn.LSTMCell in a loop, as one writes it by hand."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(size, size)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
        """(B, T, H) to (B, T, H)."""
        state, outputs = None, []
        for x_t in x.unbind(1):
            state = self.cell(x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs, 1), None


def layers(names: list[str], hidden: int) -> dict[str, nn.Module]:
    """What is measured, by name; nn.LSTM first."""
    found: dict[str, nn.Module] = {BASE: nn.LSTM(hidden, hidden, batch_first=True)}
    found["nn.GRU"] = nn.GRU(hidden, hidden, batch_first=True)
    found["nn.LSTMCell loop"] = Loop(hidden)
    for name in names:
        found[name] = CellConfig.from_dict(name).build(hidden, hidden)
    return found


def flop_per_step(layer: nn.Module, hidden: int) -> int:
    """Operations of the matrix products of one row's step, forward and backward, as PyTorch counts them."""
    known = {"nn.LSTM": 4, "nn.LSTMCell loop": 4, "nn.GRU": 3}
    for name, gates in known.items():
        if isinstance(layer, {"nn.LSTM": nn.LSTM, "nn.LSTMCell loop": Loop, "nn.GRU": nn.GRU}[name]):
            return 3 * 2 * gates * 2 * hidden * hidden
    rows = 4
    x = torch.randn(rows, hidden, requires_grad=True)
    state = layer.initial_state(rows)  # type: ignore[operator]
    state = torch.utils._pytree.tree_map(lambda leaf: leaf.requires_grad_(leaf.is_floating_point()), state)
    with FlopCounterMode(display=False) as counter:
        y, new = layer.step(x, state)  # type: ignore[operator]
        leaves = [leaf for leaf in torch.utils._pytree.tree_leaves(new) if leaf.requires_grad]
        (y.sum() + sum(leaf.abs().sum() for leaf in leaves)).backward()
    return int(counter.get_total_flops()) // rows


def seconds_of(layer: nn.Module, x: torch.Tensor, weight: torch.Tensor, clock: Callable[[], float]) -> float:
    """One training pass."""
    x.grad = None
    layer.zero_grad()
    begun = clock()
    y = layer(x)[0]
    (y * weight[..., : y.size(-1)]).sum().backward()
    return clock() - begun


def sgemm_gflops(clock: Callable[[], float], size: int = 2048, repeats: int = 5) -> float:
    """What a large float32 matrix product reaches here, in GFLOP/s, by the same clock."""
    a, b, seconds = torch.randn(size, size), torch.randn(size, size), []
    for _ in range(repeats):
        begun = clock()
        torch.mm(a, b)
        seconds.append(clock() - begun)
    return 2 * size**3 / min(seconds) / 1e9


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds, and what they say of each cell."""
    keep_freed_memory()
    torch.manual_seed(0)
    size = (options.batch, options.steps, options.hidden)
    x, weight = torch.randn(size, requires_grad=True), torch.randn(size)
    clock = {"wall": time.perf_counter, "cpu": time.process_time}[options.clock]
    found = layers(options.cells or list(CellConfig.names()), options.hidden)
    for layer in found.values():
        seconds_of(layer, x, weight, clock)
    times: dict[str, list[float]] = {name: [] for name in found}
    for number in range(options.rounds):
        order = list(found)[:: 1 if number % 2 == 0 else -1]  # what drifts within a round drifts both ways
        for name in order:
            times[name].append(seconds_of(found[name], x, weight, clock))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    gflops = None if options.no_limit else sgemm_gflops(clock)
    flops = {name: flop_per_step(layer, options.hidden) for name, layer in found.items()}
    results = []
    for name in found:
        ratio = [base / own for base, own in zip(times[BASE], times[name], strict=True)]
        results.append(
            {
                "cell": name,
                "seconds": times[name],
                "steps_per_second": options.batch * options.steps / statistics.median(times[name]),
                "flop_per_step": flops[name],
                "ratio": ratio,
                "flop_ratio": [r * flops[name] / flops[BASE] for r in ratio],
                "limit": None if gflops is None or not flops[name] else gflops * 1e9 / flops[name],
            }
        )
    setting = {name: getattr(options, name) for name in ("batch", "steps", "hidden", "rounds", "clock")}
    machine = {"cores": cores(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    return {"setting": setting, "machine": machine, "sgemm_gflops": gflops, "cells": results}


def report(found: dict[str, Any]) -> str:
    """The figures as a table."""
    setting, machine = found["setting"], found["machine"]
    lines = [
        f"B {setting['batch']}, T {setting['steps']}, D = H {setting['hidden']}; {setting['rounds']} rounds, "
        f"{setting['clock']} time; {machine['cores']} cores, {machine['threads']} threads, torch {machine['torch']}"
    ]
    if found["sgemm_gflops"] is not None:
        lines.append(f"limit: the products alone at the {found['sgemm_gflops']:.0f} GFLOP/s of a large sgemm")
    lines.append(f"{'cell':20} {'steps/s':>8} {'limit':>8} {'MFLOP':>6}   against {BASE} (least to most)   per FLOP")
    for cell in sorted(found["cells"], key=lambda cell: -statistics.median(cell["flop_ratio"])):
        ratio, limit = cell["ratio"], cell["limit"]
        lines.append(
            f"{cell['cell']:20} {cell['steps_per_second']:8,.0f} {'' if limit is None else format(limit, ',.0f'):>8} "
            f"{cell['flop_per_step'] / 1e6:6.2f}   {statistics.median(ratio):6.2f}  ({min(ratio):.2f} to "
            f"{max(ratio):.2f})        {statistics.median(cell['flop_ratio']):14.2f}"
        )
    return "\n".join(lines)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options; their defaults are the setting that docs name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cells", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--cells", nargs="+", metavar="NAME", help="(all)")
    for name, value in (("batch", 64), ("steps", 128), ("hidden", 512), ("rounds", 5), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what is timed (wall)")
    parser.add_argument("--no-limit", action="store_true", help="do not measure a large matrix product")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    found = measure(options)
    print(report(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
