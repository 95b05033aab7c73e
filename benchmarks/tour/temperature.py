"""What a temperature makes of the probabilities of the next character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.tour.picture import BLUE, canvas

SHOWN = 12


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """temperature.svg, of the page's `changed` and `TEMPERATURES`."""
    temperatures, changed = names["TEMPERATURES"], names["changed"]
    with canvas(images / "temperature.svg", (8.6, 2.4), 1, len(temperatures), sharey=True) as axes:
        for each, temperature in zip(axes, temperatures, strict=True):
            found = list(changed(temperature).items())
            shown = [*found[:SHOWN], ("…", sum(p for _, p in found[SHOWN:]))]
            labels = [token.replace("\n", "⏎").replace(" ", "␣") for token, _ in shown]
            each.bar(range(len(shown)), [p for _, p in shown], color=[BLUE] * SHOWN + ["#aaaaaa"])
            each.set_xticks(range(len(shown)), labels, family="monospace")
            each.tick_params(length=0)
            each.spines[["top", "right"]].set_visible(False)
            each.set_title(f"temperature {temperature}")
        axes[0].set_ylabel("probability after “I”")
    return {}
