"""GRU and LSTM in size, score and speed; all of it looked up in runs on record."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.memory.report import of
from benchmarks.tour.page import grid
from benchmarks.tour.picture import BLUE, canvas
from benchmarks.tour.runs import CELLS, DOCS, memory_runs
from rnnzoo.studies.comparison.rows import Row, rows_of
from rnnzoo.studies.comparison.runs import read_runs
from rnnzoo.zoo import find_model, read_metrics

SPEED = Path(__file__).resolve().parents[1] / "results" / "cells.rnn-gru-lstm.json"
ENTRIES = tuple(f"char-{cell}.tinyshakespeare" for cell in CELLS)


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """The tables, and gru-and-lstm.svg."""
    size = {cell: of(memory_runs(), "memory", cell)[0][1] for cell in CELLS}
    budget = {row.cell: row for row in rows_of(list(read_runs(DOCS / "comparison").values())) if row.cell in CELLS}
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    _draw(size, budget, images / "gru-and-lstm.svg")
    return {"size": _size(size), "budget": _budget(budget), "speed": _speed(speed), "entries": _entries()}


def _size(size: dict[str, dict[str, int]]) -> str:
    rows = [
        [cell, f"{one['parameters']:,}", f"{one['state_bytes']:,} B", f"{one['saved_bytes'] / 2**20:,.0f} MiB"]
        for cell, one in size.items()
    ]
    return grid(["512 units", "parameters", "state of a sequence", "kept for the way back"], rows)


def _budget(budget: dict[str, Row]) -> str:
    rows = []
    for cell in CELLS:
        row = budget[cell]
        rows.append(
            [
                cell,
                str(row.chosen[0].result["hidden_size"]),
                f"{row.chosen[0].result['parameters']:,}",
                f"{row.nll:.4f} ± {row.spread or 0:.4f}",
                f"{row.median('tokens_per_second'):,.0f}",
                f"{row.median('peak_memory_bytes') / 2**20:.0f} MiB",
                f"{row.median('state_bytes'):,.0f} B",
            ]
        )
    heading = ["one budget", "units", "parameters", "nats/char", "characters/s in training", "peak memory", "state"]
    return grid(heading, rows)


def _speed(measured: dict[str, Any]) -> str:
    ratios = {cell["cell"]: cell["ratio"] for cell in measured["cells"]}
    rows = [
        [cell, f"{statistics.median(ratios[cell]):.2f}", f"{min(ratios[cell]):.2f} to {max(ratios[cell]):.2f}"]
        for cell in CELLS
    ]
    setting = "{hidden} units, {batch} sequences of {steps} steps".format(**measured["setting"])
    return grid([setting, "steps per second, those of nn.LSTM = 1", "least to most"], rows)


def _entries() -> str:
    rows = []
    for name in ENTRIES:
        metrics = read_metrics(find_model(name))
        minutes = metrics["training"]["seconds"] / 60
        rows.append([name, f"{metrics['parameters']:,}", f"{metrics['nll']:.4f}", f"{minutes:.0f}"])
    return grid(["entry", "parameters", "nats/char", "minutes"], rows)


def _draw(size: dict[str, dict[str, int]], budget: dict[str, Row], path: Path) -> None:
    """What the GRU takes as a share of what the LSTM takes."""
    small, large = size["gru"], size["lstm"]
    gru, lstm = budget["gru"], budget["lstm"]
    shares = {
        "same units: parameters": small["parameters"] / large["parameters"],
        "same units: state": small["state_bytes"] / large["state_bytes"],
        "same units: kept for the way back": small["saved_bytes"] / large["saved_bytes"],
        "same parameters: state": gru.median("state_bytes") / lstm.median("state_bytes"),
        "same parameters: peak memory": gru.median("peak_memory_bytes") / lstm.median("peak_memory_bytes"),
        "same parameters: training time": lstm.median("tokens_per_second") / gru.median("tokens_per_second"),
        "same parameters: time of a step": gru.median("step_seconds") / lstm.median("step_seconds"),
        "same parameters: nats per character": gru.nll / lstm.nll,
    }
    with canvas(path, (7.2, 2.8)) as axes:
        bars = axes.barh(range(len(shares)), list(shares.values()), color=BLUE, height=0.7)
        axes.bar_label(bars, [f"{share:.2f}" for share in shares.values()], padding=3)
        axes.axvline(1, color="#999999", linestyle=":")
        axes.set_yticks(range(len(shares)), list(shares))
        axes.set(xlim=(0, 1.15 * max(shares.values())), title="the GRU, the LSTM being 1: less is better")
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
