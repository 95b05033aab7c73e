"""The next letter of "hello", by a network that knows nothing else and by one that has read Shakespeare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.tour.picture import BLUE, canvas

ROWS = 6


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """hello.svg, of the page's `table` (prefix to probabilities of `letters`), `zoo` and `BEFORE`."""
    table, letters, zoo, before = (names[name] for name in ("table", "letters", "zoo", "BEFORE"))
    with canvas(images / "hello.svg", (8.6, 4.2), 2, len(table)) as axes:
        for (prefix, row), small, large in zip(table.items(), *axes, strict=True):
            _bars(small, list(zip(letters, row, strict=True)))
            small.set_title(f"after “{prefix}”", family="monospace")
            _bars(large, zoo.next_tokens(before + prefix, ROWS))
        axes[0][0].set_ylabel("a network of 16 units,\ntaught this one word")
        axes[1][0].set_ylabel(f"char-lstm.tinyshakespeare,\nafter “{before}”".replace("\n”", "”"))
    return {}


def _bars(axes: Any, found: list[tuple[str, float]]) -> None:
    """Letters from top to bottom, each with the length of its probability."""
    shown = [letter.replace("\n", "⏎").replace(" ", "␣") for letter, _ in found]
    bars = axes.barh(range(len(found)), [p for _, p in found], color=BLUE, height=0.7)
    axes.bar_label(bars, [f"{p:.2f}" for _, p in found], padding=3, fontsize=8)
    axes.set_yticks(range(len(found)), shown, family="monospace", fontsize=11)
    axes.set(xlim=(0, 1.25), xticks=[])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
