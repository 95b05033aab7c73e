"""What there is in the zoo, and what is known of each model."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any, Literal

from rnnzoo.data.sources import OWN_LICENCE
from rnnzoo.errors import UserError
from rnnzoo.zoo.figures import figures, headline, unit_of
from rnnzoo.zoo.finding import entry_names, find_model
from rnnzoo.zoo.manifest import read_manifest
from rnnzoo.zoo.origin import trained_on
from rnnzoo.zoo.records import read_config, read_metrics
from rnnzoo.zoo.task_cards import card_of_task

__all__ = ["Sort", "licence_of", "list_models", "model_facts", "zoo_folders"]

Sort = Literal["name", "score", "size"]

FIGURES = ("nll", "bits", "ppl", "bleu", "chrf", "accuracy", "macro_f1")
"""The figures among a model's facts."""


def zoo_folders() -> dict[str, Path | None]:
    """Every model of the zoo by its name, sorted: its folder in the package or the hub's cache, None if in neither."""
    folders: dict[str, Path | None] = dict(entry_names())
    for name in read_manifest()["entries"]:
        if name not in folders:
            try:
                folders[name] = find_model(name, local_files_only=True)
            except UserError:
                folders[name] = None
    return dict(sorted(folders.items()))


def list_models(
    pattern: str = "*",
    *,
    task: str | None = None,
    cell: str | None = None,
    language: str | None = None,
    commercial: bool = False,
    max_mb: float | None = None,
    sort: Sort = "name",
) -> list[str]:
    """The names of the zoo's models: those that are installed, and those that can be got.

    Of a model that is not here only the name is known: it passes no other test, and stands last.

    Args:
        pattern: a shell pattern, such as ``"char-*"``.
        task: only of this task. cell: only with layers of this cell.
        language: only of this language, such as ``"de"``; of a translator either side counts.
        commercial: only models whose training text is not for research only and has a stated licence.
        max_mb: only models whose weights are no larger, in megabytes.
        sort: ``"name"``, ``"size"`` or ``"score"``: the best first, models of one task and one text beside each other,
            since only those compare.
    """
    tested = any(value is not None for value in (task, cell, language, max_mb)) or commercial
    known: dict[str, dict[str, Any]] = {}
    unknown = []
    for name, folder in zoo_folders().items():
        if not fnmatch.fnmatchcase(name, pattern):
            continue
        if folder is None:
            unknown += [] if tested else [name]
            continue
        facts = model_facts(name, folder)
        if (
            task in (None, facts["task"])
            and (cell is None or cell in str(facts["cell"]).split("/"))
            and (language is None or language in (facts["languages"] or ()))
            and (facts["commercial"] or not commercial)
            and (max_mb is None or facts["bytes"] <= max_mb * 1e6)
        ):
            known[name] = facts
    if sort == "name":
        return sorted([*known, *unknown])
    return [*sorted(known, key=lambda name: _order(known[name], sort)), *unknown]


def _order(facts: dict[str, Any], sort: Sort) -> tuple[Any, ...]:
    if sort == "size":
        return (facts["bytes"],)
    score, name = facts["score"], str(facts["score_name"])
    place = float("inf") if score is None else -score if facts["higher_is_better"] else score
    return facts["task"], str(facts["corpus"]), str(facts["split"]), name, place


def model_facts(name: str, folder: Path) -> dict[str, Any]:
    """What is known of the model in `folder`, as plain values; None where something is not on record.

    ``score`` is the figure that a model of its task is known by, ``score_name`` says which that is, and ``signature``
    how sacreBLEU computed it.

    Raises:
        UserError: its metrics.json or config.json is missing or damaged.
    """
    metrics, config = read_metrics(folder), read_config(folder)
    entry = trained_on(metrics, config)
    training, hardware = _mapping(metrics, "training"), _mapping(metrics, "hardware")
    unit = unit_of(config)
    found, main = figures(metrics, unit), headline(config["task"], metrics, unit)
    return {
        "name": name,
        "task": config["task"],
        "cell": metrics.get("cell"),
        "parameters": metrics.get("parameters"),
        "bytes": (folder / "model.safetensors").stat().st_size,
        "stored_dtype": metrics.get("stored_dtype", "float32"),
        "languages": card_of_task(config["task"]).languages(metrics, config) or None,
        "corpus": _mapping(metrics, "corpus").get("name"),
        "split": metrics.get("split"),
        "eval_streams": metrics.get("eval_streams"),
        "score": None if main is None else round(main.value, main.digits),
        "score_name": None if main is None else main.name,
        "higher_is_better": None if main is None else main.higher,
        "signature": None if main is None else main.signature,
        **{key: found[key].value if key in found else None for key in FIGURES},
        "training_seconds": training.get("seconds"),
        "training_tokens_per_second": training.get("tokens_per_second"),
        "hardware": hardware.get("name"),
        "device": hardware.get("device"),
        "devices": hardware.get("devices"),
        "licence": entry.licence if entry else OWN_LICENCE,
        "commercial": entry is not None and not entry.research_only,
        "verified_by_manifest": name in read_manifest()["entries"],
        "folder": str(folder),
    }


def licence_of(folder: Path) -> str:
    """That of the text that a folder's model was trained on; empty where the folder does not say what that was."""
    try:
        entry = trained_on(read_metrics(folder), read_config(folder))
    except UserError:  # a folder of weights alone
        return ""
    return entry.licence if entry else OWN_LICENCE


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
