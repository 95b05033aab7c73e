"""Labels of texts, in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from rnnzoo.inference.eval_mode import at_least_float32, device_of, evaluating
from rnnzoo.networks.classifier_net import ClassifierNet
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.text.base import Ids

__all__ = ["BATCH_TOKENS", "Prediction", "classify", "in_batches", "logits_of_texts", "prediction", "probabilities"]

BATCH_TOKENS = 8192
"""Tokens that are read at once, padding counted; a longer text is read by itself."""


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of a text.

    Attributes:
        labels: of a classifier that gives each text one label, that one; else all that are likelier than not.
        probability: of the first of them; where there is none, that of having none of the labels.
        probabilities: of every label.
    """

    labels: tuple[str, ...]
    probability: float
    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The likeliest label, empty where there is none."""
        return self.labels[0] if self.labels else ""


def classify(
    model: ClassifierNet, texts: str | Sequence[str], *, unknown: Literal["error", "drop"] = "error"
) -> list[Prediction]:
    """What each text is.

    Args:
        model: any classifier; it is used without dropout. texts: one or several.
        unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

    Raises:
        UserError: characters that the vocabulary does not have.
    """
    return [prediction(model, row) for row in probabilities(model, texts, unknown=unknown)]


def probabilities(
    model: ClassifierNet, texts: str | Sequence[str], *, unknown: Literal["error", "drop"] = "error"
) -> Float[Tensor, "N C"]:
    """The probability of each label for each text, on the CPU; arguments and errors as for `classify`."""
    given = [texts] if isinstance(texts, str) else list(texts)
    return model.probabilities_of(logits_of_texts(model, model.tokenizer.encode_all(given, unknown=unknown)))


def logits_of_texts(model: ClassifierNet, ids: Sequence[Ids]) -> Float[Tensor, "N C"]:
    """The logits of each text, in float32 at least, on the CPU.

    Args:
        ids: of each text.
    """
    return in_batches(model, model, ids, len(model.labels))


def in_batches(
    model: torch.nn.Module,
    run: Callable[[Int[Tensor, "B T"], Int[Tensor, "B"]], Tensor],
    ids: Sequence[Ids],
    width: int,
) -> Float[Tensor, "N D"]:
    """A row for each text of what `run` makes of batches: tokens (B, T) and lengths (B,) to (B, width).

    Args:
        model: what is run, without dropout. run: of its functions. ids: of each text. width: D.
    """
    device = device_of(model)
    lengths = np.array([len(one) for one in ids], np.int64)
    order = np.argsort(lengths, kind="stable")
    found = torch.zeros(len(ids), width, dtype=next((p.dtype for p in model.parameters()), torch.float32))
    found = at_least_float32(found)
    with evaluating(model):
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * max(int(lengths[order[end]]), 1) <= BATCH_TOKENS:
                end += 1
            rows = order[start:end]
            tokens = np.zeros((len(rows), max(int(lengths[rows[-1]]), 1)), np.int64)
            for place, row in enumerate(rows):
                tokens[place, : lengths[row]] = ids[row]
            given = torch.from_numpy(tokens).to(device), torch.from_numpy(lengths[rows]).to(device)
            found[torch.from_numpy(rows)] = run(*given).to(found)
            start = end
    return found


def prediction(model: ClassifierNet, row: Float[Tensor, "C"]) -> Prediction:
    """What the probabilities of a text's labels say."""
    values = dict(zip(model.labels, row.tolist(), strict=True))
    ranked = sorted(values, key=lambda label: -values[label])
    if not model.config.several:
        return Prediction((ranked[0],), values[ranked[0]], values)
    likely = tuple(label for label in ranked if values[label] > 0.5)
    none = float(torch.prod(1 - row))
    return Prediction(likely, values[likely[0]] if likely else none, values)
