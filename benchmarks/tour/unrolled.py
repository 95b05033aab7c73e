"""The network as a loop, and unrolled with its gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.tour.picture import GREY, ORANGE, canvas

NODE = {"boxstyle": "circle,pad=0.7", "facecolor": "#eef2f7", "edgecolor": GREY}
PLAIN = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "#bbbbbb"}


def make(images: Path, names: dict[str, Any]) -> dict[str, str]:
    """unrolled.svg, with the numbers of the page: `x`, `h`, `pulls` (dL/dh of each step) and `loss`."""
    x, h, pulls, loss = names["x"], names["h"], names["pulls"], names["loss"]
    with canvas(images / "unrolled.svg", (8.8, 2.9), 1, 2, width_ratios=(1, 3.6)) as (loop, axes):
        for each, width in ((loop, 2.4), (axes, 9.1)):
            each.set(xlim=(-1.1, width - 1.1), ylim=(-1.7, 1.5))
            each.axis("off")
        _node(loop, 0, "$h$")
        _arrow(loop, (0, -1.02), (0, -0.42), GREY)
        _text(loop, 0, -1.3, "$x_t$", PLAIN)
        _arrow(loop, (0.38, 0.12), (-0.38, 0.12), GREY, curve=1.7)
        _text(loop, 0, 0.95, "$w$", None)
        _text(loop, 0.2, -0.72, "$u$", None)
        for t in range(4):
            place = 2.1 * t
            value = h[t].item()
            if t == 0:
                _text(axes, place, 0, "$h_0$ = 0", PLAIN)
            else:
                _node(axes, place, f"$h_{t}$")
                _text(axes, place, 0.5, f"{value:.2f}", None)
                _arrow(axes, (place, -1.02), (place, -0.42), GREY)
                _text(axes, place, -1.3, f"$x_{t}$ = {x[t - 1]:g}", PLAIN)
                _text(axes, place + 0.2, -0.72, "$u$", None)
                _arrow(axes, (place - 1.62 + (0.1 if t == 1 else 0), 0.08), (place - 0.45, 0.08), GREY)
                _text(axes, place - 1.03, 0.25, "$w$", None)
            if t > 1:
                _arrow(axes, (place - 0.45, -0.14), (place - 1.62, -0.14), ORANGE)
                _text(axes, place - 1.03, -0.4, f"{pulls[t - 1]:+.4f}", None, ORANGE)
        _text(axes, 7.05, 1.2, f"$L$ = {loss.item():.4f}", PLAIN)
        _arrow(axes, (6.52, 0.42), (6.86, 0.92), GREY)
        _arrow(axes, (7.1, 0.92), (6.74, 0.36), ORANGE)
        _text(axes, 7.42, 0.5, f"{pulls[3]:+.4f}", None, ORANGE)
        loop.set_title("a loop")
        axes.set_title("unrolled over three inputs")
    return {}


def _node(axes: Any, place: float, name: str) -> None:
    _text(axes, place, 0, name, NODE)


def _text(axes: Any, place: float, height: float, text: str, box: dict[str, Any] | None, colour: str = GREY) -> None:
    axes.text(place, height, text, ha="center", va="center", color=colour, bbox=box)


def _arrow(axes: Any, begin: tuple[float, float], end: tuple[float, float], colour: str, curve: float = 0.0) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, begin, arrowprops=style | {"connectionstyle": f"arc3,rad={curve}"})
