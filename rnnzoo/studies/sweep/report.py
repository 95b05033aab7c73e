"""A sweep as tables (Markdown, CSV): every point is in them, best first, and the winner with the command for it."""

from __future__ import annotations

import csv
import io
import shlex
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.studies.pages import around, grid, paragraph, put_between
from rnnzoo.studies.sweep.plan import Sweep
from rnnzoo.studies.sweep.runs import STATES, Run
from rnnzoo.zoo.figures import UNITS, figures

__all__ = ["Row", "check_page", "rows_of", "write_page", "write_report"]


@dataclass(frozen=True)
class Row:
    """The points that differ in their seed alone; one point where the seed is no axis.

    Attributes:
        runs: their trainings. score: the mean validation score; None where one of them did not come to its end.
        spread: its standard deviation, None of a single one.
    """

    runs: tuple[Run, ...]
    score: float | None
    spread: float | None

    @property
    def state(self) -> str:
        """How the trainings ended."""
        return max((run.state for run in self.runs), key=STATES.index)


def rows_of(sweep: Sweep, runs: Sequence[Run]) -> list[Row]:
    """The rows of the table, best first; what has no score comes last."""
    measure, best = sweep.measure
    sign = -1 if best == "max" else 1
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_called(sweep, run), []).append(run)
    rows = []
    for group in groups.values():
        scores = [run.figures[measure].value for run in group if run.state == "finished"]
        finished = len(scores) == len(group)
        spread = statistics.stdev(scores) if finished and len(group) > 1 else None
        rows.append(Row(tuple(group), statistics.fmean(scores) if finished else None, spread))
    return sorted(rows, key=lambda row: (STATES.index(row.state), sign * (row.score or 0.0)))


def write_report(sweep: Sweep, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Writes sweep.md and sweep.csv into `folder`.

    Raises:
        UserError: there are no runs.
    """
    if not runs:
        raise UserError("no point of this sweep has been trained here", path=folder)
    paths = [folder / "sweep.md", folder / "sweep.csv"]
    write_text(paths[0], markdown(sweep, runs, folder))
    write_text(paths[1], as_csv(sweep, runs))
    return paths


def check_page(sweep: Sweep, page: Path) -> None:
    """Raises `UserError` when the page has no place for the table."""
    around(page, *_marks(sweep), "the sweep")


def write_page(sweep: Sweep, runs: Sequence[Run], folder: Path, page: Path) -> None:
    """Puts what sweep.md holds between the two marks of a page.

    Raises:
        UserError: the page does not have them.
    """
    put_between(page, *_marks(sweep), markdown(sweep, runs, folder), "the sweep")


def _marks(sweep: Sweep) -> tuple[str, str]:
    """What stands around a sweep in a page, which may have others."""
    return f"<!-- rnnzoo sweep {sweep.name}: begin -->", f"<!-- rnnzoo sweep {sweep.name}: end -->"


def _shown(sweep: Sweep) -> list[str]:
    """The axes that are columns."""
    return [name for name in sweep.axes if name != "seed"]


# ------------------------------------------------------------------------------------------------------ tables


def markdown(sweep: Sweep, runs: Sequence[Run], folder: Path) -> str:
    """The sweep as a section of a page: how it was made, the table, the winner and both commands."""
    rows, names = rows_of(sweep, runs), _names(sweep, runs)
    numbers = [*names.values(), "parameters", "tokens", "seconds", "tokens/s", "seed"]
    table = [[*_shown(sweep), *numbers], ["---"] * len(_shown(sweep)) + ["---:"] * len(numbers)]
    parts = [_how(sweep, runs, names), grid([*table, *(_cells(sweep, row, names) for row in rows)])]
    if rows[0].score is not None and _shown(sweep):  # no seed is better than another
        winner = rows[0].runs[0]
        model = (folder / winner.result["run"]).as_posix()
        parts.append(paragraph(f"**The winner: {_called(sweep, winner)}**; its model is `{model}`. This trains it:"))
        parts.append(_code(shlex.join(["rnnzoo", *sweep.training(winner.point)])))
    return "\n".join([*parts, "The table was made by\n", _code(sweep.command("--out", folder.as_posix()))])


def _how(sweep: Sweep, runs: Sequence[Run], names: Mapping[str, str]) -> str:
    measure, best = sweep.measure
    fixed = "".join(f", {name} {' '.join(sweep.fields[name])}" for name in sweep.fixed)
    ended = "" if len(runs) == len(sweep.points) else f" ({len(runs)} of {len(sweep.points)} have ended so far)"
    seeds = "the mean over its seeds and their standard deviation" if "seed" in sweep.axes else "from one seed"
    hardware = next((run.result["hardware"] for run in runs if run.state == "finished"), None)
    where = f" Speeds are of {hardware['device']} ({hardware['name']}), torch {hardware['torch']}." if hardware else ""
    return paragraph(
        f"Recipe `{sweep.name}`{fixed}: a training at each of {len(sweep.points)} points{ended} of a grid over "
        f"{' and '.join(sweep.axes)}. The order, and so the winner, is that of {names[measure]} on the validation "
        f"part, the {'higher' if best == 'max' else 'lower'} the better, by the best checkpoint of each training, "
        f"{seeds}; no test score was looked at. The winner was chosen by the text that its score is of, which flatters "
        f"it a little, and a difference smaller than the spread between seeds says nothing.{where}"
    )


def _called(sweep: Sweep, run: Run) -> str:
    """The point of a training, without its seed."""
    return ", ".join(f"{name} {run.point.words[name][0]}" for name in _shown(sweep))


def _names(sweep: Sweep, runs: Sequence[Run]) -> dict[str, str]:
    """What the scores in the table are called, by their keys in metrics.json."""
    measure, unit = sweep.measure[0], runs[0].point.unit
    beside = "chrf" if measure == "bleu" else "ppl" if unit in ("word", "token") else "bits"
    known = figures({measure: 0.0, beside: 0.0}, UNITS.get(unit, unit))
    return {key: known[key].name for key in (measure, beside)}


def _cells(sweep: Sweep, row: Row, names: Mapping[str, str]) -> list[str]:
    """The columns of the table."""
    first, scores = row.runs[0], []
    for key in names:
        if row.score is None:
            scores.append(row.state if key == sweep.measure[0] else "")
            continue
        found = [run.figures[key] for run in row.runs]
        spread = f" ± {row.spread:.{found[0].digits}f}" if row.spread is not None and key == sweep.measure[0] else ""
        scores.append(f"{statistics.fmean(one.value for one in found):.{found[0].digits}f}{spread}")
    figures = [_number(row.runs, name) for name in ("parameters", "tokens", "seconds", "tokens_per_second")]
    seeds = ", ".join(str(run.point.seed) for run in row.runs)
    return [*(first.point.words[name][0] for name in _shown(sweep)), *scores, *figures, seeds]


def _number(runs: Sequence[Run], name: str) -> str:
    """A figure of a row, the median over its trainings; empty where it is not known."""
    found = [run.result[name] for run in runs if run.result.get(name) is not None]
    if not found:
        return ""
    value = statistics.median(found)
    return f"{value:,.1f}" if value < 100 and name == "seconds" else f"{value:,.0f}"


def _code(command: str) -> str:
    return f"```sh\n{command}\n```\n"


def as_csv(sweep: Sweep, runs: Sequence[Run]) -> str:
    """Every point, a line each, best first."""
    out = io.StringIO()
    numbers = ["parameters", "tokens", "steps", "epochs", "seconds", "tokens_per_second"]
    writer = csv.writer(out, lineterminator="\n")
    names = _names(sweep, runs)
    writer.writerow([*sweep.axes, *names, *numbers, "seed", "state", "problem", "device", "threads", "torch", "run"])
    for run in (run for row in rows_of(sweep, runs) for run in row.runs):
        hardware = run.result.get("hardware", {})
        writer.writerow(
            [
                *(run.point.words[name][0] for name in sweep.axes),
                *(run.figures[key].value if key in run.figures else "" for key in names),
                *("" if (value := run.result.get(name)) is None else value for name in numbers),
                *(run.point.seed, run.state, run.result.get("problem", "")),
                *(hardware.get(name, "") for name in ("device", "threads", "torch")),
                run.result.get("run", ""),
            ]
        )
    return out.getvalue()
