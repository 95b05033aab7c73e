"""A comparison's figures: a row for each cell, best first."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rnnzoo.studies.comparison.runs import Run

__all__ = ["Row", "rows_of"]


@dataclass(frozen=True)
class Row:
    """One cell's figures.

    Attributes:
        cell: its name.
        tried: the runs of the first seed, one for each learning rate.
        chosen: the runs at the best learning rate, one for each seed.
    """

    cell: str
    tried: tuple[Run, ...]
    chosen: tuple[Run, ...]

    @property
    def nll(self) -> float:
        """Nats per token, the mean over the seeds."""
        return statistics.fmean(run.nll for run in self.chosen)

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds, None of a single one."""
        return statistics.stdev(run.nll for run in self.chosen) if len(self.chosen) > 1 else None

    def median(self, figure: str) -> float:
        """A figure that depends on the machine: the median over all of the cell's runs."""
        figures = {run.job.key: float(run.result[figure]) for run in self.runs}
        return statistics.median(figures.values())

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs of the cell; the best of the first seed is in both."""
        return self.tried + self.chosen


def rows_of(runs: Sequence[Run]) -> list[Row]:
    """The cells that have a result, best first; one that diverged at all learning rates comes last."""
    rows = []
    for cell in dict.fromkeys(run.job.cell for run in runs):
        tried = tuple(run for run in runs if run.job.cell == cell and run.job.seed == 1)
        best = min(tried, key=lambda run: run.nll)
        rows.append(Row(cell, tried, tuple(r for r in runs if r.job.cell == cell and r.job.lr == best.job.lr)))
    return sorted(rows, key=lambda row: row.nll)
