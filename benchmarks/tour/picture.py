"""What all pictures of the tour have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "canvas"]

# those of docs/memory.md: rnn grey, lstm blue, gru orange
GREY, BLUE, ORANGE, GREEN, PURPLE = "#444444", "#1f5a96", "#c8553d", "#5a8f3c", "#8a5fa8"


@contextmanager
def canvas(path: Path, size: tuple[float, float], *grid: int, **options: Any) -> Iterator[Any]:
    """The axes of a figure, which is saved as SVG at the end: the same file for the same picture.

    Args:
        path: of the file. size: in inches. grid: rows and columns of axes, 1 and 1 unless said.
        options: of `pyplot.subplots`.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "rnnzoo", "font.size": 9}):
        figure, axes = pyplot.subplots(*grid, figsize=size, layout="constrained", **options)
        yield axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
        pyplot.close(figure)
