"""Which labels a classifier takes for which others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["draw_confusion"]

_NUMBERED = 20
"""Labels up to which each field says its share."""


def draw_confusion(confusion: Any, labels: Sequence[str], path: Path, title: str) -> None:
    """Draws a confusion matrix: a row for each true label, shares of the row.

    Args:
        confusion: (C, C) texts: a row for each true label, a column for each that was said.
        labels: C names. path: of the picture. title: above it.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(confusion, np.float64)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(max(3.5 + 0.3 * len(labels), 4.5), 14.0)
    figure = Figure(figsize=(side, side), layout="constrained")  # not pyplot's: a notebook's own backend stays
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 9 if len(labels) <= _NUMBERED else 5
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=size)
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
    axes.set(xlabel="said", ylabel="label", title=title)
    if len(labels) <= _NUMBERED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            share = shares[row, column]
            if share >= 0.005:
                colour = "white" if share > 0.5 else "black"
                shown = f"{100 * share:.0f}"
                axes.text(column, row, shown, ha="center", va="center", fontsize=7, color=colour)
    figure.savefig(path, dpi=110)
