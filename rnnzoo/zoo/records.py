"""What is on record of a model: its config.json and metrics.json, read and checked without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError, nearest
from rnnzoo.files import read_json
from rnnzoo.zoo.layout import SCHEMA, WEIGHED
from rnnzoo.zoo.task_cards import task_names

__all__ = ["read_config", "read_metrics"]


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a folder, its schema and keys checked.

    Raises:
        UserError: it is missing, damaged, of a newer version, or has other keys.
    """
    path = folder / "config.json"
    config = _versioned(path)
    for key in config:
        if key not in ("schema", "task", "model", "data", "plugins"):
            raise UserError(f"unknown key {key!r}", path=path)
    if config.get("task") not in task_names():
        raise UserError(
            f"unknown task {config.get('task')!r}{nearest(str(config.get('task')), task_names())}", path=path
        )
    if not isinstance(config.get("model"), dict) or not isinstance(config.get("data", {}), dict):
        raise UserError("'model' and 'data' must be mappings", path=path)
    return config


def read_metrics(folder: Path) -> dict[str, Any]:
    """The ``metrics.json`` of a folder.

    Raises:
        UserError: it is missing (as in a run that has not ended), damaged or of a newer version.
    """
    path = folder / "metrics.json"
    if not path.is_file() and (folder / "run.json").is_file():
        raise UserError("this run has not ended yet: continue it with `rnnzoo train ... --resume`", path=folder)
    if not any((folder / name).is_file() for name in (path.name, *WEIGHED)):
        raise UserError("holds no model", path=folder)
    metrics = _versioned(path)
    if not isinstance(metrics.get("files"), dict):
        raise UserError("'files' is missing", path=path)
    return metrics


def _versioned(path: Path) -> dict[str, Any]:
    data = read_json(path)
    if not isinstance(data, dict) or type(data.get("schema")) is not int or data["schema"] < 1:
        raise UserError("'schema' is missing", path=path)
    if data["schema"] > SCHEMA:
        raise UserError(f"has schema {data['schema']}; this rnnzoo knows up to {SCHEMA}: upgrade it", path=path)
    return data
