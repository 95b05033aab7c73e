"""What there is in the zoo, and what is known of each model."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

from rnnzoo.data.sources import OWN_LICENCE
from rnnzoo.errors import UserError
from rnnzoo.zoo.figures import figures, headline, unit_of
from rnnzoo.zoo.folder import read_config, read_metrics
from rnnzoo.zoo.kinds import kind_of_task
from rnnzoo.zoo.load import entry_names, find_model
from rnnzoo.zoo.manifest import read_manifest
from rnnzoo.zoo.origin import trained_on

__all__ = ["list_models", "model_facts", "zoo_folders"]


def zoo_folders() -> dict[str, Path | None]:
    """Every model of the zoo by its name, sorted: its folder in the package or the hub's cache, None if in neither."""
    folders: dict[str, Path | None] = dict(entry_names())
    for name, known in read_manifest()["entries"].items():
        if name not in folders and known.get("repo"):
            try:
                folders[name] = find_model(name, local_files_only=True)
            except UserError:
                folders[name] = None
    return dict(sorted(folders.items()))


def list_models(
    pattern: str = "*", *, task: str | None = None, cell: str | None = None, commercial: bool = False
) -> list[str]:
    """The names of the zoo's models, sorted: those of the package, and those that the hub has.

    Args:
        pattern: a shell pattern, such as ``"char-*"``.
        task: only of this task. cell: only with layers of this cell.
        commercial: only models whose training text is not for research only and has a stated licence.
    """
    names = []
    for name, folder in zoo_folders().items():
        if not fnmatch.fnmatchcase(name, pattern):
            continue
        if task is not None or cell is not None or commercial:
            if folder is None:  # not here: nothing is known of it
                continue
            facts = model_facts(name, folder)
            kinds = str(facts["cell"]).split("/")
            if task not in (None, facts["task"]) or (cell is not None and cell not in kinds):
                continue
            if commercial and not facts["commercial"]:
                continue
        names.append(name)
    return names


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
        "languages": kind_of_task(config["task"]).card.languages(metrics, config) or None,
        "corpus": _mapping(metrics, "corpus").get("name"),
        "split": metrics.get("split"),
        "eval_streams": metrics.get("eval_streams"),
        "score": None if main is None else round(main.value, main.digits),
        "score_name": None if main is None else main.name,
        "signature": None if main is None else main.signature,
        **{key: found[key].value if key in found else None for key in ("nll", "bits", "ppl", "bleu", "chrf")},
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


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
