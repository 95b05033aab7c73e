"""Cells at one budget of parameters, tokens and tuning: what `rnnzoo compare` does."""

from rnnzoo.studies.comparison.plan import BEST_KNOWN, Comparison, Job
from rnnzoo.studies.comparison.report import write_report
from rnnzoo.studies.comparison.runs import Run, compare, read_runs

__all__ = ["BEST_KNOWN", "Comparison", "Job", "Run", "compare", "read_runs", "write_report"]
