"""The score of a classifier on texts whose labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from rnnzoo.errors import UserError
from rnnzoo.inference.classification.classify import logits_of_texts
from rnnzoo.metrics.classification import classification_figures, confusion
from rnnzoo.networks.classifier_net import ClassifierNet
from rnnzoo.shapes import Tensor

__all__ = ["Evaluated", "best_temperature", "evaluate_classifier", "target_tensor"]


class Evaluated(NamedTuple):
    """What a classifier said of texts whose labels are known.

    Attributes:
        figures: see `rnnzoo.metrics.classification.classification_figures`.
        probabilities: (N, C). labels: those of each text.
        confusion: (C, C) texts, a row for each true label; None where a text may have several.
    """

    figures: dict[str, Any]
    probabilities: Tensor
    labels: Sequence[Sequence[str]]
    confusion: Tensor | None


def evaluate_classifier(model: ClassifierNet, texts: Sequence[str], labels: Sequence[Sequence[str]]) -> Evaluated:
    """The figures of a classifier.

    Args:
        model: used without dropout; it is left as it is. texts: what it reads. labels: those of each.

    Raises:
        UserError: a label or a character that the model does not know.
    """
    targets = target_tensor(model, labels)
    logits = logits_of_texts(model, model.tokenizer.encode_all(list(texts))).double()
    nats = float(model.nll(logits, targets).sum())
    found = model.probabilities_of(logits)
    matrix = None if model.config.several else confusion(found, targets)
    return Evaluated(classification_figures(found, targets, nats, model.labels), found, labels, matrix)


def best_temperature(model: ClassifierNet, texts: Sequence[str], labels: Sequence[Sequence[str]]) -> dict[str, float]:
    """What the logits are to be divided by, in place of what they are divided by now, so that the nll is the least.

    Args:
        model, texts, labels: as for `evaluate_classifier`; texts that the model has not learned.

    Returns:
        The temperature, and nats per text with it (``after``) and without (``before``).
    """
    targets = target_tensor(model, labels)
    logits = logits_of_texts(model, model.tokenizer.encode_all(list(texts))).double()
    tried = torch.logspace(-1, 1, 201, base=4, dtype=torch.float64)  # a quarter to four times
    nats = torch.stack([model.nll(logits / factor, targets).mean() for factor in tried])
    best = int(nats.argmin())
    return {
        "temperature": round(model.head.temperature * float(tried[best]), 3),
        "before": float(model.nll(logits, targets).mean()),
        "after": float(nats[best]),
    }


def target_tensor(model: ClassifierNet, labels: Sequence[Sequence[str]]) -> Tensor:
    """The labels of texts as `ClassifierNet.nll` takes them.

    Raises:
        UserError: one is none of the model's; or a text has not exactly one, though each has to.
    """
    numbers = {label: number for number, label in enumerate(model.labels)}
    for place, of_text in enumerate(labels, 1):
        for label in of_text:
            if label not in numbers:
                raise UserError(f"text {place}: the model has no label {label[:60]!r}")
    if not model.config.several:
        if any(len(of_text) != 1 for of_text in labels):
            raise UserError("the model gives each text one label, and here are texts with none or several")
        return torch.tensor([numbers[label] for (label,) in labels], dtype=torch.int64)
    targets = torch.zeros(len(labels), len(numbers), dtype=torch.int64)
    for row, of_text in enumerate(labels):
        targets[row, [numbers[label] for label in of_text]] = 1
    return targets
