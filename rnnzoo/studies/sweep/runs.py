"""Running a sweep: each point is an ordinary training in a process and a run folder of its own, and a line of
sweep.jsonl when it has ended. What is missing is run, what was interrupted goes on."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.files import append_line, read_json, read_lines
from rnnzoo.studies.processes import Children, Shares, at_once, ended_by_signals
from rnnzoo.studies.sweep.plan import Point, Sweep
from rnnzoo.system import lock
from rnnzoo.tasks.run_folder import RunFolder, last_run
from rnnzoo.training import NonFiniteError
from rnnzoo.zoo.figures import UNITS, Figure, figures

__all__ = ["RESULTS", "STATES", "Run", "read_results", "sweep"]

RESULTS = "sweep.jsonl"
STATES = ("finished", "diverged", "failed")
"""How a training ends; one that failed is tried again when the sweep is."""


@dataclass(frozen=True)
class Run:
    """A point whose training has ended.

    Attributes:
        point: what was trained.
        result: its line of sweep.jsonl.
    """

    point: Point
    result: dict[str, Any]

    @property
    def state(self) -> str:
        """How it ended: one of `STATES`."""
        return str(self.result["state"])

    @property
    def figures(self) -> dict[str, Figure]:
        """The validation's scores; none where the training did not come to its end."""
        return figures(self.result.get("valid", {}), UNITS.get(self.point.unit, self.point.unit))


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The lines of a sweep's file by their points' keys; the last one of each counts."""
    return {line["key"]: line for line in read_lines(folder / RESULTS)}


def sweep(
    grid: Sweep,
    folder: Path,
    *,
    jobs: int = 1,
    run: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> list[Run]:
    """Trains what is not there yet.

    Args:
        grid: what is trained.
        folder: where sweep.jsonl and the run folders are, or are to be.
        jobs: trainings at a time, which share the GPUs; speeds are only worth something where each has a core of its
            own.
        run: False only looks up what is there.
        say: told of each training.

    Returns:
        The points whose trainings have ended, in the order of the grid.

    Raises:
        UserError: something in the recipe, the text or a point is not right; nothing was run then.
        KeyboardInterrupt: after Ctrl-C. SystemExit: after SIGTERM. What was under way can go on then.
    """
    if jobs < 1:
        raise UserError("--jobs must be at least 1")
    points = grid.points
    if not run:
        known = read_results(folder)
        return [Run(point, known[point.key]) for point in points if point.key in known]
    with _alone(folder) as lock, ended_by_signals():
        trainings = _Trainings(grid, folder, lock, Shares(jobs), say)
        try:
            found = at_once(trainings.result, points, jobs, trainings.stop)
        except (KeyboardInterrupt, SystemExit):
            say(f"{trainings.count} of {len(points)} points are done; the same command goes on with the others")
            raise
    return [Run(point, result) for point, result in zip(points, found, strict=True) if result is not None]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """A lock on the folder, which trainings have as well: one may outlive a sweep that was killed.

    Raises:
        UserError: it is taken, or there can be no such folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot be the sweep's folder ({error.strerror})", path=folder) from None
    with (folder / ".lock").open("w") as file:
        if not lock(file, wait=False):
            raise UserError("a sweep, or a training of one that was killed, is under way here", path=folder)
        yield file.fileno()


class _Trainings:
    """Carries out the points of a sweep, from several threads."""

    def __init__(self, grid: Sweep, folder: Path, lock: int, shares: Shares, say: Callable[[str], None]) -> None:
        self.sweep, self.folder, self.shares, self.say = grid, folder, shares, say
        self.children = Children()
        self._held, self._known, self._writing = lock, read_results(folder), threading.Lock()

    @property
    def count(self) -> int:
        """Points that will not be trained again."""
        return sum(self._known.get(point.key, {}).get("state", "failed") != "failed" for point in self.sweep.points)

    def stop(self) -> None:
        """Ends the trainings under way."""
        self.say("ends the trainings under way, which save where they stand")
        self.children.stop()

    def result(self, point: Point) -> dict[str, Any] | None:
        """A point's line: the one that is there, or that of a training; None where it was interrupted."""
        known = self._known.get(point.key)
        if known is not None and known["state"] != "failed":  # a failure may have been the machine's
            return known
        if self.children.stopped.is_set():
            return None
        place = self._place(point)
        before = _begun(place, self.sweep.name)
        if before is not None and before.ended:  # the sweep was killed before it could say so
            return self._note(point, _figures(before.path))
        code, out, said = self._train(point, place, before)
        if code == 0 and out:
            return self._note(point, _figures(Path(out.splitlines()[-1])))
        if self.children.stopped.is_set():
            return None
        state = "diverged" if code == NonFiniteError.exit_code else "failed"
        if code < 0:
            said = f"was ended by {signal.Signals(-code).name}"
        return self._note(point, {"state": state, "problem": said or f"ended with exit code {code}"})

    def _place(self, point: Point) -> Path:
        """The point's folder, whose name says what it is; by its key it is found whatever the axes were called then."""
        parent = self.folder / "points"
        name = re.sub(r"[^\w.=+-]+", "-", "_".join(f"{axis}={point.words[axis][0]}" for axis in point.axes))
        return next(parent.glob(f"*_{point.key}"), parent / f"{name[:100]}_{point.key}")

    def _train(self, point: Point, place: Path, before: RunFolder | None) -> tuple[int, str, str]:
        """Trains, or goes on; the exit code, what was printed, and the last line on standard error."""
        words = self.sweep.training(point, "--runs", str(place), *(["--resume", "--restart"] if before else []))
        place.mkdir(parents=True, exist_ok=True)
        log = place / "log.txt"
        self.say(f"{point}: {'goes on' if before else 'begins'}, says more in {log}")
        with log.open("a+", encoding="utf-8", errors="replace") as errors, self.shares.one() as gpus:
            begun = errors.tell()
            code, out = self.children.python(
                ["-m", "rnnzoo", *words], threads=self.sweep.threads, errors=errors, held=[self._held], gpus=gpus
            )
            errors.seek(begun)
            lines = errors.read().strip().splitlines()
        return code, out, lines[-1].removeprefix("rnnzoo: ") if lines else ""

    def _note(self, point: Point, figures: dict[str, Any]) -> dict[str, Any]:
        """Writes a point's line."""
        line: dict[str, Any] = {
            "key": point.key,
            "recipe": self.sweep.name,
            "settings": dict(point.settings),
            "seed": point.seed,
            "unit": point.unit,
            "parameters": point.parameters,
            **figures,
        }
        if run := line.get("run"):
            line["run"] = os.path.relpath(run, self.folder)
        with self._writing:
            append_line(self.folder / RESULTS, line)
            self._known[point.key] = line
        if line["state"] == "finished":
            score = Run(point, line).figures[self.sweep.measure[0]]
            self.say(f"{point}: {score} {score.name}, {line['tokens_per_second']:,.0f} tokens/s")
        else:
            self.say(f"{point}: {line['state']}: {line['problem']}")
        return line


def _begun(place: Path, name: str) -> RunFolder | None:
    try:
        return last_run(place, name)
    except UserError:
        return None


def _figures(run: Path) -> dict[str, Any]:
    """What a finished run's metrics.json says, the validation's scores and no others."""
    metrics = read_json(run / "metrics.json")
    training = metrics["training"]
    return {
        "state": "finished",
        "valid": metrics["scores"]["valid"],
        "parameters": metrics["parameters"],
        **{name: training[name] for name in ("tokens", "steps", "epochs", "seconds", "tokens_per_second")},
        "corpus": metrics["corpus"],
        "hardware": metrics["hardware"],
        "run": str(run),
    }
