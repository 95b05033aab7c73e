"""A recipe at every point of a small grid of its fields: what `rnnzoo sweep` does."""

from rnnzoo.studies.sweep.plan import Point, Sweep
from rnnzoo.studies.sweep.report import write_report
from rnnzoo.studies.sweep.runs import Run, read_results, sweep

__all__ = ["Point", "Run", "Sweep", "read_results", "sweep", "write_report"]
