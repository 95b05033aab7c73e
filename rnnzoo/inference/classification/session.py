"""A text that a classifier reads as it is written, with an answer after each token."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import torch

from rnnzoo.inference.classification.classify import Prediction, prediction
from rnnzoo.inference.eval_mode import at_least_float32, device_of, evaluating
from rnnzoo.networks.classifier_net import ClassifierNet

__all__ = ["ClassifierSession", "Step"]


class Step(NamedTuple):
    """What was said after a token.

    Attributes:
        token: its text. prediction: of the text up to its end.
    """

    token: str
    prediction: Prediction


class ClassifierSession:
    """The prediction after each token, for a keyboard or whoever watches a log.

    ::

        session = model.session()
        for step in session.feed("Wo ist"):
            print(step.token, step.prediction.label)
        session.prediction               # of all that was fed

    A text that is fed in parts is the same as one that is fed whole, as long as no part ends within a token.

    Args:
        model: a classifier that reads one way; it is used without dropout.

    Attributes:
        prediction: of all that was fed; before that, of the empty text.

    Raises:
        UserError: the model reads both ways.
    """

    def __init__(self, model: ClassifierNet) -> None:
        self.model = model
        with evaluating(model):
            self._state = model.initial_state(1)
            empty = torch.zeros(1, 1, dtype=torch.int64, device=device_of(model))
            self.prediction = self._said(model(empty, empty[0]))

    def feed(self, text: str, *, unknown: Literal["error", "drop"] = "error") -> list[Step]:
        """Reads `text`, and what is said after each of its tokens.

        Args:
            text: any length. unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

        Raises:
            UserError: characters that the vocabulary does not have; nothing was read.
        """
        model, steps = self.model, list[Step]()
        names = model.tokenizer.token_texts()
        with evaluating(model):
            for token in model.tokenizer.encode(text, unknown=unknown).tolist():
                logits, self._state = model.step(torch.tensor([token], device=device_of(model)), self._state)
                self.prediction = self._said(logits)
                steps.append(Step(names[token], self.prediction))
        return steps

    def fork(self) -> Self:
        """An independent copy, which has read the same."""
        copy = type(self)(self.model)
        copy._state, copy.prediction = self._state, self.prediction  # never changed in place
        return copy

    def _said(self, logits: torch.Tensor) -> Prediction:
        return prediction(self.model, self.model.probabilities_of(at_least_float32(logits))[0].cpu())
