"""Figures of what goes on inside a model: each takes what `model.trace(text)` gave and returns a matplotlib figure.

::

    found = rnnzoo.load("char-lstm.tinyshakespeare").trace("ROMEO:\\nWhat light")
    rnnzoo.plot.surprisal(found).savefig("surprisal.png")

The pages of `rnnzoo export MODEL page.html` draw the same numbers. Colours are a blue and an orange that every kind of
colour vision tells apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnzoo.errors import UserError
from rnnzoo.inference.trace import FADED, Trace, fades_after
from rnnzoo.text.reading import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["attention", "gates", "influence", "next_tokens", "surprisal", "unit"]

BLUE, ORANGE = "#0969be", "#c85a00"


def surprisal(trace: Trace) -> Figure:
    """A bar a token: bits of surprise."""
    figure, axes = _axes(len(trace.tokens))
    axes.bar(range(len(trace.tokens)), _array(trace, "surprisal"), color=ORANGE)
    _tokens(axes, trace.tokens)
    axes.set_ylabel("surprisal (bits)")
    return figure


def unit(trace: Trace, name: str, index: int) -> Figure:
    """A bar a token: one number of the state after it, blue below zero and orange above.

    Args:
        name: a part of the state, ``"0.h"``. index: the unit's number.
    """
    values = _array(trace, f"unit.{name}")
    if not 0 <= index < values.shape[1]:
        raise UserError(f"{name} has units 0 to {values.shape[1] - 1}, not {index}")
    column = values[:, index]
    figure, axes = _axes(len(trace.tokens))
    axes.bar(range(len(column)), column, color=[BLUE if value < 0 else ORANGE for value in column])
    _tokens(axes, trace.tokens)
    axes.set_ylabel(f"{name}, unit {index}")
    return figure


def gates(trace: Trace) -> Figure:
    """A line a gate: how open it is after each token, on average over its units."""
    names = [name for name in trace if name.startswith("gate.")]
    if not names:
        raise UserError("this model has no gates")
    figure, axes = _axes(len(trace.tokens))
    for number, name in enumerate(names):
        style = ("-", "--", ":", "-.")[number % 4]
        axes.plot(trace[name].mean(1), style, color=(BLUE, ORANGE)[number // 4 % 2], label=name.removeprefix("gate."))
    _tokens(axes, trace.tokens)
    axes.set_ylim(0, 1)
    axes.set_ylabel("open, on average")
    axes.legend(ncols=4, frameon=False)
    return figure


def influence(*traces: Trace, labels: tuple[str, ...] = ()) -> Figure:
    """A line a model: how much the prediction would change had an earlier token been another, by distance."""
    figure, axes = _axes(24)
    for number, trace in enumerate(traces):
        values = _array(trace, "influence")
        name = labels[number] if number < len(labels) else f"model {number + 1}"
        style = ("-", "--", ":", "-.")[number % 4]
        axes.plot(values, style, color=(BLUE, ORANGE)[number % 2], label=f"{name}: fades after {fades_after(values)}")
    axes.axhline(FADED, color="0.6", linewidth=0.8)
    axes.set_xlabel("tokens back")
    axes.set_ylabel("share of probability that moves")
    axes.legend(frameon=False)
    return figure


def attention(trace: Trace) -> Figure:
    """The matrix of a translation: source tokens across, target tokens down, the darker the more it was looked at."""
    weights = _array(trace, "attention")
    from matplotlib.figure import Figure

    size = (1.6 + 0.34 * len(trace.source), 1.4 + 0.34 * len(trace.tokens))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(weights, cmap="Oranges", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks(range(len(trace.source)), _written(list(trace.source)), rotation=60, ha="left", parse_math=False)
    axes.set_yticks(range(len(trace.tokens)), _written(trace.tokens), parse_math=False)
    axes.xaxis.tick_top()
    return figure


def next_tokens(found: list[tuple[str, float]]) -> Figure:
    """Bars of what `model.next_tokens(text)` gave, the most probable on top."""
    figure, axes = _axes(12)
    axes.barh(range(len(found)), [p for _, p in found], color=BLUE)
    axes.set_yticks(range(len(found)), _written([text for text, _ in found]), parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability")
    return figure


def _axes(tokens: int) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(min(2 + 0.18 * tokens, 16), 3), layout="constrained")  # without pyplot: no window
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _array(trace: Trace, name: str) -> npt.NDArray[np.float32]:
    if name not in trace:
        raise UserError(f"this trace has no {name}: it has {', '.join(trace)}")
    return trace[name]


def _tokens(axes: Any, tokens: list[str]) -> None:
    narrow = all(len(token) == 1 for token in tokens)
    axes.set_xticks(range(len(tokens)), _written(tokens), rotation=0 if narrow else 90, parse_math=False)
    axes.tick_params(axis="x", length=0)


def _written(tokens: list[str]) -> list[str]:
    return [escaped(token.strip(" ")) or "\u2423" * len(token) for token in tokens]
