"""What there is in the zoo, and what is known of each model."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

from rnnzoo.data.catalogue import CATALOGUE
from rnnzoo.data.corpora import OWN_LICENCE
from rnnzoo.zoo.folder import read_config, read_metrics
from rnnzoo.zoo.load import entry_names
from rnnzoo.zoo.manifest import read_manifest

__all__ = ["list_models", "model_facts"]


def list_models(
    pattern: str = "*", *, task: str | None = None, cell: str | None = None, commercial: bool = False
) -> list[str]:
    """The names of the entries at hand, sorted.

    Args:
        pattern: a shell pattern, such as ``"char-*"``.
        task: only of this task. cell: only with layers of this cell.
        commercial: only models whose training text is not for research only and has a stated licence.
    """
    names = []
    for name, folder in entry_names().items():
        if not fnmatch.fnmatchcase(name, pattern):
            continue
        if task is not None or cell is not None or commercial:
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

    Raises:
        UserError: its metrics.json or config.json is missing or damaged.
    """
    metrics, config = read_metrics(folder), read_config(folder)
    corpus = _mapping(metrics, "corpus").get("name")
    entry = CATALOGUE.get(corpus) if isinstance(corpus, str) else None
    training, hardware = _mapping(metrics, "training"), _mapping(metrics, "hardware")
    return {
        "name": name,
        "task": config["task"],
        "cell": metrics.get("cell"),
        "parameters": metrics.get("parameters"),
        "bytes": (folder / "model.safetensors").stat().st_size,
        "stored_dtype": metrics.get("stored_dtype", "float32"),
        "corpus": corpus,
        "split": metrics.get("split"),
        "eval_streams": metrics.get("eval_streams"),
        "nll": metrics.get("nll"),
        "bits": metrics.get("bits"),
        "ppl": metrics.get("ppl"),
        "training_seconds": training.get("seconds"),
        "training_tokens_per_second": training.get("tokens_per_second"),
        "hardware": hardware.get("name"),
        "device": hardware.get("device"),
        "licence": entry.licence if entry else OWN_LICENCE,
        "commercial": entry is not None and not entry.research_only,
        "verified_by_manifest": name in read_manifest()["entries"],
        "folder": str(folder),
    }


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
