"""What a classifier's card says that no other's does."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rnnzoo.zoo.origin import trained_on

__all__ = ["CARD", "ClassifierCard", "sample_rows"]

SHOWN = 8
"""Sample predictions in a card."""

_LABELS = 12
"""Labels that are named in the first paragraph, and that have a row each in the table."""


class ClassifierCard:
    """See `rnnzoo.zoo.kinds.base.CardParts`."""

    tasks: Mapping[str, tuple[str, ...]] = MappingProxyType({"classifier": ("accuracy", "macro_f1", "nll")})
    tags: tuple[str, ...] = ("text-classification",)
    pipeline, name = "text-classification", "Text classification"
    published: tuple[str, ...] = ("accuracy", "macro_f1")
    counted = "texts"

    def languages(self, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
        """Those of the corpus."""
        entry = trained_on(metrics, config)
        return [] if entry is None else list(entry.languages)

    def what(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """Labels, layers and cell."""
        model = config["model"]
        backbone, labels = model["backbone"], model["labels"]
        layers, cells = len(backbone.get("cells") or []) or backbone.get("num_layers", 1), metrics.get("cell")
        ways = " in both directions" if model.get("bidirectional") else ""
        pooling = model.get("pooling", "last")
        pooled = pooling if isinstance(pooling, str) else " and ".join(pooling)
        named = f" ({', '.join(labels)})" if len(labels) <= _LABELS else ""
        before = f", on top of `{metrics['encoder']}`" if isinstance(metrics.get("encoder"), str) else ""
        return (
            f"A {unit}-level classifier of texts with {len(labels)} labels{named}: {layers} x {cells or 'recurrent'} "
            f"of {backbone['hidden_size']}{ways}{before}, pooled by {pooled}"
        )

    def vocabulary(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """Its tokens."""
        return f" over {metrics['vocab_size']:,} {unit}s" if "vocab_size" in metrics else ""

    def usage(self, name: str, samples: str) -> str:
        """A text: the first of the samples."""
        shown = sample_rows(samples)
        text = shown[0][0] if shown else "..."
        return (
            f"```\nrnnzoo classify {name} {shlex.quote(text)}\n```\n\n"
            f'```python\nimport rnnzoo\n\nmodel = rnnzoo.load("{name}")\n'
            f"print(model.classify({json.dumps(text, ensure_ascii=False)})[0].label)\n```"
        )

    def samples(self, text: str, stored: str) -> str:
        """The first predictions, beside what they were to be."""
        shown = sample_rows(text)[:SHOWN]
        if not shown:
            return ""
        known = any(label for _, _, label in shown)
        head = ["text", "prediction", *(["label"] if known else [])]
        rows = [head, ["---"] * len(head), *(list(row[: len(head)]) for row in shown)]
        table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
        where = "Texts of the part that was scored, not chosen" if known else "Texts that were written for this card"
        return f"## What it says\n\n{where}:\n\n{table}"

    def score(self, metrics: Mapping[str, Any], unit: str) -> str:
        """All figures of each part, those of each label, and how they were measured."""
        scores = metrics["scores"]
        head = ["part", "texts", "accuracy", "macro F1", "calibration error", "nats per text"]
        rows = [head, ["---"] * len(head)]
        for split, one in scores.items():
            figures = (f"{one[key]:.2f}%" for key in ("accuracy", "macro_f1", "calibration_error"))
            rows.append([split, f"{one['texts']:,}", *figures, f"{one['nll']:.3f}"])
        main = scores[metrics["split"]]
        by_label = main.get("by_label", {})
        some = sorted(by_label, key=lambda label: by_label[label]["f1"])
        which = "Each label" if len(some) <= 2 * _LABELS else f"The {_LABELS} labels that it knows worst"
        some = some if len(some) <= 2 * _LABELS else some[:_LABELS]
        listed = "; ".join(f"{label} {by_label[label]['f1']:.1f} ({by_label[label]['texts']:,})" for label in some)
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        calibrated = metrics.get("calibration")
        temperature = (
            f" Calibrated: the logits are divided by {calibrated['temperature']:g}, with which the validation part is "
            "predicted best (temperature scaling, Guo et al. 2017)."
            if isinstance(calibrated, Mapping)
            else ""
        )
        return (
            f"{table}\n\n{which}, F1 in % on {metrics['split']}, texts in brackets: {listed}.\n\nMeasured with the "
            "stored weights. Macro F1 is the mean over the labels. Calibration error: by how much confidence and "
            f"accuracy differ, in 15 bins of confidence (expected calibration error).{temperature}"
        )

    def limits(self) -> str:
        """It has to choose among its labels."""
        return (
            "It knows the labels and the kind of text that it was trained on, and no others: of any other text it says "
            "one of its labels too, often with high probability. What is frequent in the training text is what it says "
            "when in doubt. It is made for study and as a small baseline, not to decide anything about people."
        )


CARD = ClassifierCard()


def sample_rows(text: str) -> list[tuple[str, str, str]]:
    """Text, prediction and label of each line of a samples.txt."""
    rows = [line.split("\t") for line in text.split("\n") if line]
    return [(row[0], row[1], row[2] if len(row) > 2 else "") for row in rows if len(row) > 1]
