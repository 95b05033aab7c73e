"""How many words three models invent, by temperature."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from benchmarks.tour.picture import BLUE, GREY, ORANGE, canvas

SHOWN = "char-lstm.tinyshakespeare", 0.8


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """invented.svg and some of the words, of the page's `written` (model and temperature to `Novelty`) and `real`."""
    written, real, temperatures = names["written"], names["real"], names["TEMPERATURES"]
    with canvas(images / "invented.svg", (5.6, 3.0)) as axes:
        for colour, name in zip((GREY, ORANGE, BLUE), names["MODELS"], strict=True):
            shares = [100 * written[name, temperature].share for temperature in temperatures]
            axes.plot(temperatures, shares, "o-", color=colour, label=name, linewidth=1.4, markersize=4)
        axes.axhline(100 * real.share, color="#999999", linestyle=":", label="held-out Shakespeare")
        axes.set(xlabel="temperature", ylabel="new words, %", xticks=temperatures)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    new = written[SHOWN].new
    frequent = list(new)[:12]
    longest = sorted(set(new) - set(frequent), key=lambda word: (-len(word), word))[:24]
    text = f"{', '.join(frequent)}; {', '.join(longest)}"
    return {"words": textwrap.fill(text, 120, initial_indent="> ", subsequent_indent="> ", break_on_hyphens=False)}
