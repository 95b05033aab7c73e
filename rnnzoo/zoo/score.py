"""The score of a zoo entry or run, measured again on the text it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rnnzoo.data.cache import encoded
from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.dynamic import DynamicConfig
from rnnzoo.inference.scoring.neural_cache import CacheConfig
from rnnzoo.models import LanguageModel
from rnnzoo.zoo.adapt import adapted_figures, prepare
from rnnzoo.zoo.kinds import Model, Text, kind_of, kind_of_task, require, value_at
from rnnzoo.zoo.own_text import check_unchanged, kept_text
from rnnzoo.zoo.records import read_config, read_metrics

__all__ = ["entry_corpus", "score_entry"]

T = TypeVar("T")


def score_entry(
    model: Model,
    folder: Path,
    *,
    split: str | None = None,
    files: Sequence[str] | None = None,
    dynamic: DynamicConfig | None = None,
    cache: CacheConfig | None = None,
) -> dict[str, Any]:
    """Measures `model` on its own text as its config.json describes it.

    Args:
        model: the model in `folder`. split: ``"valid"`` or ``"test"``; the one on record when left out.
        files: where own text files now are; when left out, they are looked for where the run read them.
        dynamic: dynamic evaluation beside. cache: a continuous cache beside; both given, each and both together. They
            are for language models.

    Returns:
        The figures that a model of its kind is measured by (see `measure` in `rnnzoo.zoo.kinds`), its task, the
        split, corpus and its hash, ``recorded``: what is on record of the figures that must agree, and as
        ``recorded_nll`` the first of them; with `dynamic` or `cache`, the figures of
        `rnnzoo.zoo.adapt.adapted_figures`.

    Raises:
        UserError: the text is not there, or has no such part.
    """
    metrics, config = read_metrics(folder), read_config(folder)
    kind, data = kind_of(model), config.get("data", {})
    if dynamic is not None or cache is not None:
        require(model, LanguageModel, str(folder))
    there = None if files else kept_text(folder)
    corpus = kind.corpus(data, files or there)
    if there:
        check_unchanged(there, corpus.sha256, _recorded(metrics, str, "corpus", "sha256"))
    split = split or _recorded(metrics, str, "split") or "valid"
    if split not in corpus.splits:
        raise UserError(f"{corpus.name}: has no part {split!r} (it has {', '.join(corpus.splits)})")
    figures = kind.measure(model, corpus, split, data, metrics)
    record = _recorded(metrics, dict, "scores", split) or {}
    on_record = {one.key: value_at(record, one.key) for one in kind.compared if value_at(figures, one.key) is not None}
    found = {
        "task": config["task"],
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        "split": split,
        **figures,
        "recorded": {key: value for key, value in on_record.items() if value is not None},
        "recorded_nll": on_record.get("nll"),
        "recorded_sha256": _recorded(metrics, str, "corpus", "sha256"),
    }
    found |= kind.reading(model, data)
    if dynamic is not None or cache is not None:
        adapting = require(model, LanguageModel)
        adaptation = prepare(adapting, corpus, dynamic, cache)
        ids = encoded(corpus.splits[split], adapting.tokenizer)
        found |= adapted_figures(adapting, ids, adaptation, what=corpus.name)
    return found


def _recorded(metrics: Mapping[str, Any], kind: type[T], *keys: str) -> T | None:
    """A value of metrics.json, which nothing vouches for; None where it is not there as `kind`."""
    value: Any = metrics
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, kind) else None


def entry_corpus(config: Mapping[str, Any], files: Sequence[str] | None = None) -> Text:
    """The text that a config.json names.

    Args:
        config: its content. files: where own text files now are.

    Raises:
        UserError: the text is not there, or the config does not say which it is.
    """
    return kind_of_task(config["task"]).corpus(config.get("data", {}), files)
