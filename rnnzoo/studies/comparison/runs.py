"""Running a comparison: each run is a process, each finished run a line of runs.jsonl, which is never run again."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.files import append_line, read_lines
from rnnzoo.studies.comparison.plan import Comparison, Job
from rnnzoo.studies.processes import Shares, at_once, environment

__all__ = ["RUNS", "Run", "compare", "read_runs"]

RUNS = "runs.jsonl"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        job: what was run. result: its figures, see `rnnzoo.studies.comparison.one.carry_out`.
    """

    job: Job
    result: dict[str, Any]

    @property
    def nll(self) -> float:
        """Nats per token, infinite where the training diverged."""
        return float("inf") if self.result["nll"] is None else float(self.result["nll"])


def read_runs(folder: Path) -> dict[str, Run]:
    """The finished runs in a folder, by their jobs' keys. A last line that was cut off is left out."""
    found = {}
    for data in read_lines(folder / RUNS):
        run = Run(Job(**data["job"]), data["result"])
        found[run.job.key] = run
    return found


def compare(
    comparison: Comparison,
    folder: Path,
    *,
    jobs: int = 1,
    imports: Sequence[str] = (),
    run: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[list[Run], list[str]]:
    """Carries out what is not there yet.

    Args:
        comparison: what is compared.
        folder: where runs.jsonl is, or is to be.
        jobs: cells at a time, each in a process; they share the GPUs. Speeds are only worth something where each has a
            core of its own.
        imports: files and packages that each process imports first.
        run: False only looks up what is there.
        say: told of each run.

    Returns:
        The comparison's runs, and a line for each one that failed.

    Raises:
        UserError: `jobs` is below 1, or the data or a model's size will not do; nothing is written then.
    """
    if jobs < 1:
        raise UserError("--jobs must be at least 1")
    known, lock, stopped, shares = read_runs(folder), threading.Lock(), threading.Event(), Shares(jobs)
    failed: list[str] = []

    def result(job: Job) -> Run | None:
        if job.key in known or not run:
            return known.get(job.key)
        if stopped.is_set():
            return None
        what = f"{job.cell}, learning rate {job.lr:g}, seed {job.seed}"
        with shares.one() as gpus:
            data, problem = _in_a_process(job, imports, gpus)
        with lock:
            if stopped.is_set():
                return None
            if data is None:
                failed.append(f"{what}: {problem}")
                say(f"{what}: failed: {problem}")
                return None
            append_line(folder / RUNS, {"job": job.to_dict(), "result": data})
        loss = "diverged" if data["nll"] is None else f"{data['nll']:.4f} nats"
        say(f"{what}: {loss}, {data['tokens_per_second']:,.0f} tokens/s")
        return Run(job, data)

    def of(cell: str) -> list[Run]:
        tried = [result(comparison.job(cell, sizes[cell], lr, 1)) for lr in comparison.lrs]
        found = [one for one in tried if one is not None]
        if len(found) < len(tried):  # a cell that is not tuned as the others are has no best rate yet
            return found
        best = min(found, key=lambda one: one.nll)
        more = [result(comparison.job(cell, sizes[cell], best.job.lr, seed)) for seed in comparison.more_seeds(cell)]
        return found + [one for one in more if one is not None]

    comparison.data.setup("fit")  # what will not do is found before anything is run or written
    sizes = {cell: comparison.hidden_size(cell) for cell in comparison.cells}
    found = at_once(of, comparison.cells, jobs, stopped.set)  # Ctrl-C ends the runs under way
    return [one for runs in found for one in runs], failed


def _in_a_process(job: Job, imports: Sequence[str], gpus: str | None) -> tuple[dict[str, Any] | None, str]:
    """The figures of a run, or None and what went wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "rnnzoo.studies.comparison.one"],
        input=json.dumps({**job.to_dict(), "imports": list(imports)}),
        capture_output=True,
        text=True,
        env=environment(job.threads, gpus),
        check=False,
    )
    figures = done.stdout.splitlines()
    if done.returncode != 0 or not figures:  # Lightning ends with 0 when it is told to terminate
        said = done.stderr.strip().splitlines() or [f"it was stopped, exit code {done.returncode}"]
        return None, said[-1]
    return json.loads(figures[-1]), ""
