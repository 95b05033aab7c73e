"""The picture of a comparison: loss, speed and state of each cell, best first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnzoo.studies.comparison.rows import Row

__all__ = ["draw"]

FAINT, STRONG = "#b8c4d0", "#1f5a96"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draws `rows` as an SVG, the same file for the same figures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import EngFormatter, MaxNLocator

    rows = [row for row in rows if row.nll < float("inf")]
    names, places = [row.cell for row in rows], range(len(rows))
    with matplotlib.rc_context({"svg.hashsalt": "rnnzoo", "font.size": 9}):
        size = (9.6, 1.5 + 0.3 * max(len(rows), 2))
        ratios = (2.2, 1, 1)
        figure, axes = pyplot.subplots(1, 3, figsize=size, sharey=True, layout="constrained", width_ratios=ratios)
        loss, speed, state = axes
        for place, row in zip(places, rows, strict=True):
            others = [run.nll for run in row.tried if run not in row.chosen]
            loss.plot(others, [place] * len(others), "o", color=FAINT, markersize=4)
            loss.plot([run.nll for run in row.chosen], [place] * len(row.chosen), "o", color=STRONG, markersize=4)
            loss.plot([row.nll], [place], "|", color=STRONG, markersize=14, markeredgewidth=1.6)
        best, worst = min((r.nll for r in rows), default=0.0), max((r.nll for r in rows), default=1.0)
        room = max(worst - best, 0.05)
        loss.set_xlim(best - 0.08 * room, worst + 0.35 * room)  # a rate that is far off is in the table, not here
        speed.barh(places, [row.median("tokens_per_second") for row in rows], color=STRONG, height=0.55)
        state.barh(places, [row.tried[0].result["state_bytes"] for row in rows], color=STRONG, height=0.55)
        state.set_xscale("log")
        loss.set_yticks(places, names)
        loss.invert_yaxis()
        loss.set(xlabel="nats per token; pale: the other learning rates", title="loss")
        speed.xaxis.set_major_locator(MaxNLocator(3))
        speed.xaxis.set_major_formatter(EngFormatter(sep=""))
        speed.set(xlabel="tokens/s", title="training speed")
        state.set(xlabel="bytes per sequence", title="state")
        for axis in axes:
            axis.grid(alpha=0.3, axis="x")
            axis.set_axisbelow(True)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
