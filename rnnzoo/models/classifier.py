"""A classifier: its net, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.inference.classification.classify import Prediction, classify, probabilities
from rnnzoo.inference.classification.explain import Influence, explain
from rnnzoo.inference.classification.session import ClassifierSession
from rnnzoo.inference.embedding import embed
from rnnzoo.networks import ClassifierNet, ClassifierNetConfig
from rnnzoo.shapes import Tensor
from rnnzoo.text import Tokenizer

__all__ = ["Classifier", "ClassifierConfig"]


@dataclass(frozen=True)
class ClassifierConfig(ClassifierNetConfig):
    __doc__ = ClassifierNetConfig.__doc__

    def build(self, tokenizer: Tokenizer) -> Classifier:
        """The model, with fresh weights, over the vocabulary of `tokenizer`."""
        return Classifier(self, tokenizer)


class Classifier(ClassifierNet):
    __doc__ = ClassifierNet.__doc__

    def classify(self, texts: str | Sequence[str], **options: Any) -> list[Prediction]:
        """What each text is; options: `rnnzoo.inference.classification.classify.classify`."""
        return classify(self, texts, **options)

    def probabilities(self, texts: str | Sequence[str], **options: Any) -> Tensor:
        """The probability of each label for each text, (N, C); options as for `classify`."""
        return probabilities(self, texts, **options)

    def explain(self, text: str, label: str | None = None, **options: Any) -> list[Influence]:
        """How much each word spoke for a label; see `rnnzoo.inference.classification.explain.explain`."""
        return explain(self, text, label, **options)

    def session(self) -> ClassifierSession:
        """A text that is read token by token, with an answer after each."""
        return ClassifierSession(self)

    def embed(self, texts: str | Sequence[str], **options: Any) -> Tensor:
        """A vector of each text, (N, D); options: `rnnzoo.inference.embedding.embed`."""
        return embed(self, texts, **options)
