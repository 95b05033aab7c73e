"""Words of a model as points in the plane, and what pretrained vectors brought in the runs of benchmarks.vectors."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.tour.page import grid
from benchmarks.tour.picture import BLUE, GREEN, GREY, ORANGE, PURPLE, canvas
from benchmarks.vectors import OUT

COLOURS = (BLUE, GREEN, ORANGE, PURPLE, GREY, "#b08a2e", "#3c8f8a")
LEFT = ("weekdays", "countries")
"""Groups whose labels stand to the left of their points."""
APART = 0.034
"""Least distance of two labels of a group, one above the other."""


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """words.svg, of the page's `places` of the words in `GROUPS`; the gain by pretrained vectors."""
    points = names["places"]  # a direction has no sign of its own: the first word lies to the right and above
    places = dict(zip(names["chosen"], (points * points[0].sign()).tolist(), strict=True))
    with canvas(images / "words.svg", (8.6, 5.6)) as axes:
        for colour, (group, members) in zip(COLOURS, names["GROUPS"].items(), strict=True):
            x, y = zip(*(places[word] for word in members.split()), strict=True)
            axes.plot(x, y, "o", color=colour, markersize=4, label=group)
            side, align = (min(x) - 0.02, "right") if group in LEFT else (max(x) + 0.02, "left")
            for word, height in _spread(dict(zip(members.split(), y, strict=True))).items():
                own = places[word]
                axes.plot((own[0], side), (own[1], height), color=colour, linewidth=0.4, alpha=0.6)
                axes.text(side, height, f" {word} ", color=colour, va="center", ha=align)
        axes.margins(0.1, 0.05)
        axes.set(xticks=[], yticks=[], xlabel="first direction", ylabel="second direction")
        axes.legend(frameon=False, loc="center", fontsize=8)
    return {"gain": _gain()}


def _spread(heights: dict[str, float]) -> dict[str, float]:
    """Heights of labels: near those of the points, but never on top of each other."""
    ordered = sorted(heights, key=heights.__getitem__)
    found = [heights[ordered[0]]]
    for word in ordered[1:]:
        found.append(max(heights[word], found[-1] + APART))
    shift = statistics.mean(heights.values()) - statistics.mean(found)
    return {word: height + shift for word, height in zip(ordered, found, strict=True)}


def _gain() -> str:
    measured = json.loads(OUT.read_text(encoding="utf-8"))
    rows = []
    for start, told in (("random", "numbers drawn at random"), ("word2vec", "word2vec's vectors")):
        values = [run["test_ppl"] for run in measured["runs"] if run["start"] == start]
        each = ", ".join(f"{value:.1f}" for value in values)
        rows.append([told, f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}", each])
    return grid([f"the table begins with (`{measured['recipe']}`)", "test perplexity", "each"], rows)
