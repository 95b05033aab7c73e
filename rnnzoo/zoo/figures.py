"""The figures of a model by what they are called, for cards, lists and tables: read from its metrics.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rnnzoo.zoo.task_cards import task_cards

__all__ = ["UNITS", "Figure", "figures", "headline", "unit_of"]

UNITS = {"char": "character", "byte": "byte", "word": "word"}
"""What people call a token of a tokenizer of this kind."""


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        key: what metrics.json calls it. name: what people call it, with its unit.
        value: the number. digits: those printed after the point. metric: the hub's name for it.
        signature: how sacreBLEU computed it, where it did. higher: a higher one is better.
    """

    key: str
    name: str
    value: float
    digits: int
    metric: str
    signature: str | None = None
    higher: bool = False  # is better

    def __str__(self) -> str:
        return f"{self.value:.{self.digits}f}"


def unit_of(config: Mapping[str, Any]) -> str:
    """What a token of the model of this config.json is: a character, a byte, a word, or just a token."""
    data = config.get("data")
    tokenizer = data.get("tokenizer") if isinstance(data, Mapping) else None
    kind = tokenizer.get("name") if isinstance(tokenizer, Mapping) else tokenizer
    return UNITS.get("char" if kind is None else str(kind), "token")


def figures(metrics: Mapping[str, Any], unit: str = "token") -> dict[str, Figure]:
    """All figures of the split on record that metrics.json has, by key."""
    known = (
        Figure("ppl", f"perplexity per {unit}", 0.0, 2 if unit in ("word", "token") else 3, "perplexity"),
        Figure("bits", f"bits per {unit}", 0.0, 4, "bits"),
        Figure("nll", f"nats per {unit}", 0.0, 4, "nll"),
        Figure("bleu", "BLEU", 0.0, 2, "bleu", higher=True),
        Figure("chrf", "chrF", 0.0, 2, "chrf", higher=True),
        Figure("accuracy", "% accuracy", 0.0, 2, "accuracy", higher=True),
        Figure("macro_f1", "% macro F1", 0.0, 2, "f1", higher=True),
    )
    found = {}
    for figure in known:
        value, signature = _value(metrics, figure.key)
        if value is not None:
            found[figure.key] = replace(figure, value=value, signature=signature)
    return found


def headline(task: str, metrics: Mapping[str, Any], unit: str = "token") -> Figure | None:
    """The figure that a model of this task is known by, or the next one that it has."""
    found = figures(metrics, unit)
    known = next((card.tasks[task] for card in task_cards() if task in card.tasks), ())
    return next((found[key] for key in (*known, "ppl") if key in found), None)


def _value(metrics: Mapping[str, Any], key: str) -> tuple[float | None, str | None]:
    """A number at the top or under the split's scores; BLEU's is a mapping with its score and signature."""
    scores = metrics.get("scores")
    split = scores.get(str(metrics.get("split"))) if isinstance(scores, Mapping) else None
    for place in (metrics, split):
        value = place.get(key) if isinstance(place, Mapping) else None
        signature = value.get("signature") if isinstance(value, Mapping) else None
        value = value.get("score") if isinstance(value, Mapping) else value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value), signature if isinstance(signature, str) else None
    return None, None
