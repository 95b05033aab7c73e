"""Encoder and decoder, without attention and with it, and the weights of one translation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.tour.picture import BLUE, GREY, ORANGE, canvas
from rnnzoo.inference.translation.attention_picture import Attended, draw_attention

READ = {"boxstyle": "round,pad=0.3", "facecolor": "#eef2f7", "edgecolor": BLUE, "linewidth": 0.8}
WRITTEN = {"boxstyle": "round,pad=0.3", "facecolor": "#fbeeea", "edgecolor": ORANGE, "linewidth": 0.8}


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """attention.svg and encoder-decoder.svg, of the page's `looked`."""
    looked: Attended = names["looked"]
    draw_attention(*looked, images / "attention.svg")
    with canvas(images / "encoder-decoder.svg", (8.6, 4.6), 2, 1, height_ratios=(1, 1.35)) as (without, with_attention):
        _networks(without, looked, lines=False)
        without.set_title("without attention: all of the sentence in one state")
        _networks(with_attention, looked, lines=True)
        with_attention.set_title("with attention: each token looks back")
    return {}


def _networks(axes: Any, looked: Attended, *, lines: bool) -> None:
    """The encoder's tokens below, the decoder's above; where a line stands, the decoder looked."""
    low, high = 0.0, 1.7 if lines else 1.0
    step = (len(looked.src_tokens) - 1) / (len(looked.tgt_tokens) - 1)
    above = [i * step for i in range(len(looked.tgt_tokens))]
    if lines:
        for weights, place in zip(looked.weights, above, strict=True):
            for s, weight in enumerate(weights):
                if weight > 0.02:
                    axes.plot((s, place), (low, high), color=ORANGE, alpha=float(weight), linewidth=1.2, zorder=0)
    for tokens, places, height, box in (
        (looked.src_tokens, range(len(looked.src_tokens)), low, READ),
        (looked.tgt_tokens, above, high, WRITTEN),
    ):
        axes.plot((min(places), max(places)), (height, height), color=box["edgecolor"], linewidth=0.8, zorder=0)
        for token, place in zip(tokens, places, strict=True):
            axes.text(place, height, token, ha="center", va="center", bbox=box, fontsize=8.5)
    bridge = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.2, "connectionstyle": "arc3,rad=0"}
    end = len(looked.src_tokens) - 1
    axes.plot((end + 0.55, end + 1.0, end + 1.0), (low, low, (low + high) / 2), color=GREY, linewidth=1.2)
    axes.plot(
        (end + 1.0, end + 1.0, -1.0, -1.0), ((low + high) / 2,) * 3 + (high,), color=GREY, linewidth=1.2, zorder=-1
    )
    axes.annotate("", (-0.45, high), (-1.0, high), arrowprops=bridge | {"shrinkA": 0, "shrinkB": 0})
    axes.text(end + 1.1, (low + high) / 2, "state", color=GREY, va="center", fontsize=8.5)
    axes.set(xlim=(-1.3, end + 2.0), ylim=(low - 0.3, high + 0.3))
    axes.axis("off")
