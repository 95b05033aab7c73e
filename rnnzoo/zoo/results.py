"""The results of runs as one table."""

from __future__ import annotations

import csv
import importlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.files import read_json
from rnnzoo.zoo.figures import headline
from rnnzoo.zoo.records import read_metrics

__all__ = ["COLUMNS", "as_csv", "read_results", "results"]

COLUMNS = (
    *("recipe", "run", "state", "task", "cell", "parameters", "score", "score_name", "split"),
    *("nll", "steps", "epochs", "tokens", "seconds", "seed", "folder"),
)
"""What is known of each run; score is the figure that a model of its task is known by."""


def read_results(runs: str | os.PathLike[str] = "runs") -> list[dict[str, Any]]:
    """A row for each run below a folder, by recipe and number; its fields are `COLUMNS`.

    A run that has not ended has None for what is not known yet, and so has one whose files are damaged: `state` is
    ``"ended"``, ``"not ended"`` or what is wrong.

    Args:
        runs: the folder of run folders.

    Raises:
        UserError: there is no such folder.
    """
    root = Path(runs)
    if not root.is_dir():
        raise UserError("no such folder of runs", path=root)
    # `runs/RECIPE/NUMBER`; a sweep has its runs further below
    found = sorted({note.parent for note in root.rglob("run.json")}, key=lambda path: (path.parent, _number(path.name)))
    return [_row(folder) for folder in found]


def results(runs: str | os.PathLike[str] = "runs") -> Any:
    """The same as a `pandas.DataFrame` where pandas is installed, else as the list of rows.

    Args:
        runs: the folder of run folders.

    Raises:
        UserError: there is no such folder.
    """
    rows = read_results(runs)
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        return rows
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """The rows with a line of headings."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"recipe": folder.parent.name, "run": folder.name, "folder": str(folder), "state": "not ended"}
    try:
        noted = read_json(folder / "run.json")
        if isinstance(noted, dict) and isinstance(noted.get("recipe"), str):
            row["recipe"] = noted["recipe"]
        if not (folder / "metrics.json").is_file():
            return row
        metrics = read_metrics(folder)
    except UserError as error:
        return row | {"state": str(error)}
    training = metrics["training"] if isinstance(metrics.get("training"), dict) else {}
    best = headline(str(metrics.get("task")), metrics)
    row |= {name: metrics.get(name) for name in ("task", "cell", "parameters", "split", "nll", "seed")}
    row |= {name: training.get(name) for name in ("steps", "epochs", "tokens", "seconds")}
    score = (None, None) if best is None else (best.value, best.key)
    return row | {"state": "ended", "score": score[0], "score_name": score[1]}


def _number(name: str) -> tuple[int, str]:
    return (int(name) if name.isascii() and name.isdigit() and len(name) < 10 else 0, name)
