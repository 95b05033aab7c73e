"""A comparison as tables (Markdown, CSV, LaTeX) and a picture; every run is in them, the worse learning rates too."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.studies.comparison.picture import draw
from rnnzoo.studies.comparison.plan import Comparison
from rnnzoo.studies.comparison.rows import Row, rows_of
from rnnzoo.studies.comparison.runs import Run
from rnnzoo.studies.pages import around, grid, paragraph, put_between

__all__ = ["check_page", "write_page", "write_report"]

BEGIN, END = "<!-- rnnzoo compare: begin -->", "<!-- rnnzoo compare: end -->"
"""What stands around the comparison in a page of the docs."""


def write_report(comparison: Comparison, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Writes cells.md, cells.csv, cells.tex and cells.svg into `folder`.

    Raises:
        UserError: there are no runs.
    """
    if not runs:
        raise UserError("no run of this comparison has finished here", path=folder)
    rows = rows_of(runs)
    paths = [folder / f"cells.{kind}" for kind in ("md", "csv", "tex", "svg")]
    write_text(paths[0], markdown(comparison, rows, paths[3].name))
    write_text(paths[1], as_csv(runs))
    write_text(paths[2], latex(rows))
    draw(rows, paths[3])
    return paths


def check_page(page: Path) -> None:
    """Raises `UserError` when the page has no place for the comparison."""
    around(page, BEGIN, END, "the comparison")


def write_page(comparison: Comparison, runs: Sequence[Run], folder: Path, page: Path) -> None:
    """Puts what cells.md holds between the two marks of a page.

    Raises:
        UserError: the page does not have them.
    """
    picture = os.path.relpath(folder / "cells.svg", page.parent)
    put_between(page, BEGIN, END, markdown(comparison, rows_of(runs), picture), "the comparison")


# ------------------------------------------------------------------------------------------------------ tables


def _head(rows: Sequence[Row]) -> list[str]:
    """The names of the main table's columns."""
    loss = f"nats/{rows[0].tried[0].result['unit']}"
    return [
        *("cell", "units", "parameters", loss, "seeds", "learning rate", "tokens/s"),
        "peak memory",
        "state",
        "step",
    ]


def _cells(row: Row) -> list[str]:
    """The columns of the main table."""
    result = row.tried[0].result
    spread = "" if row.spread is None else f" ± {row.spread:.4f}"
    return [
        row.cell,
        str(result["hidden_size"]),
        f"{result['parameters']:,}",
        "diverged" if row.nll == float("inf") else f"{row.nll:.4f}{spread}",
        str(len(row.chosen)),
        f"{row.chosen[0].job.lr:g}",
        f"{row.median('tokens_per_second'):,.0f}",
        f"{row.median('peak_memory_bytes') / 2**20:,.0f} MiB",
        f"{result['state_bytes']:,} B",
        f"{row.median('step_seconds') * 1e6:,.0f} µs",
    ]


def markdown(comparison: Comparison, rows: Sequence[Row], picture: str) -> str:
    """The comparison as a section of a page: how it was made, the picture, both tables."""
    lrs = sorted({run.job.lr for row in rows for run in row.tried})
    table = [_head(rows), ["---"] + ["---:"] * 9, *map(_cells, rows)]
    rates = [["cell", *(f"{lr:g}" for lr in lrs)], ["---"] + ["---:"] * len(lrs)]
    for row in rows:
        by_rate = {run.job.lr: run for run in row.tried}
        rates.append([row.cell, *(_loss(by_rate.get(lr)) for lr in lrs)])
    parts = [_how(comparison, rows), f"![The cells at one budget]({picture})\n", grid(table), _LEGEND]
    return "\n".join([*parts, "Every learning rate that was tried, first seed, nats per token:\n", grid(rates)])


def _how(comparison: Comparison, rows: Sequence[Row]) -> str:
    result, data = rows[0].tried[0].result, comparison.base.data
    backbone, machine = comparison.base.model.backbone, result["hardware"]
    layers = f"{backbone.num_layers} layer{'s' if backbone.num_layers != 1 else ''}"
    return paragraph(
        f"Each model has {layers} of one cell and as many units as make {comparison.parameters:,} parameters, "
        f"embedding and output layer included; it reads {result['tokens']:,} tokens of {result['corpus']['name']} "
        f"({result['corpus']['split_rule']}) in {result['steps']:,} steps of {data.streams} x {data.chunk_len}, with "
        f"the same optimiser and schedule. Each cell is tuned alike: {len(comparison.lrs)} learning rates, one seed "
        "each; the one with the lowest loss is the cell's own and is run with the other seeds, where the table says "
        "that there are any. What is given is the validation loss after the last step (no best epoch is picked), the "
        f"mean over the seeds and its standard deviation; read as {data.eval_streams} streams with a carried state. "
        f"Measured on {machine['device']} ({machine['name']}), {machine['threads']} "
        f"thread{'s' if machine['threads'] != 1 else ''}, torch {machine['torch']}."
    )


_LEGEND = """
*tokens/s*: of training, the median step. *Peak memory*: what training takes on top of the process with its libraries.
*State*: what one sequence carries, the memory that generation needs for each of its streams. *Step*: one token at
batch 1, step by step, as in generation. A difference in loss smaller than the spread between seeds says nothing; one
seed says less than it seems to; and the validation text that chose the learning rate is the one that is reported, for
all cells alike.
"""


def _loss(run: Run | None) -> str:
    return "" if run is None else "diverged" if run.nll == float("inf") else f"{run.nll:.4f}"


def as_csv(runs: Sequence[Run]) -> str:
    """Every run, a line each."""
    out = io.StringIO()
    figures = [
        *("hidden_size", "parameters", "nll", "steps", "tokens"),
        *("tokens_per_second", "peak_memory_bytes", "state_bytes", "step_seconds"),
    ]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["cell", "lr", "seed", *figures, "device", "threads", "torch"])
    for run in runs:
        machine = run.result["hardware"]
        values = ["" if run.result[name] is None else run.result[name] for name in figures]
        job = run.job
        writer.writerow([job.cell, job.lr, job.seed, *values, machine["device"], machine["threads"], machine["torch"]])
    return out.getvalue()


def latex(rows: Sequence[Row]) -> str:
    """The main table for a paper; needs the package booktabs."""
    lines = [r"\begin{tabular}{lrrrrrrrrr}", r"\toprule", rf"{' & '.join(_head(rows))} \\", r"\midrule"]
    for row in rows:
        cells = [cell.replace("_", r"\_").replace("±", r"$\pm$").replace("µs", r"$\mu$s") for cell in _cells(row)]
        lines.append(rf"{' & '.join(cells)} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
