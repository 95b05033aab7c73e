"""Other dropouts for a model that is trained further."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch

from rnnzoo.backbones import StackConfig
from rnnzoo.config import Config
from rnnzoo.models import Classifier, LanguageModel, Seq2Seq
from rnnzoo.nn.dropout import plain_name
from rnnzoo.ranges import DropProbability

M = TypeVar("M", LanguageModel, Seq2Seq, Classifier)

__all__ = ["DropoutConfig"]


@dataclass(frozen=True)
class DropoutConfig(Config):
    """What shall be dropped of a model that is trained further; where it is None, as much as the model says itself.

    Args:
        embedding: share of the vocabulary whose vectors are dropped, whole.
        input: of the vectors before the first layer.
        hidden: between the layers; of a translator between those of either half.
        weight: of the recurrent weights; likewise.
        output: of the last layer's output, or of a translator's readout.
    """

    embedding: DropProbability | None = None
    input: DropProbability | None = None
    hidden: DropProbability | None = None
    weight: DropProbability | None = None
    output: DropProbability | None = None

    def _said(self) -> dict[str, float]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: p for name, p in values.items() if p is not None}

    def __bool__(self) -> bool:
        return bool(self._said())

    def __str__(self) -> str:
        return ", ".join(f"{name} {p:g}" for name, p in self._said().items())

    def check(self, init_from: str | None) -> None:
        """Raises `ValueError` where there is no model whose dropout it could be."""
        if self and init_from is None:
            raise ValueError("dropout is that of a model that is trained further (init_from); a new one's are in model")

    def on(self, model: M) -> M:
        """A copy of `model` with these dropouts, or `model` itself where nothing is said.

        Raises:
            UserError: `weight` has nothing to fall on in one of the model's cells.
        """
        if not self:
            return model
        said = {f"{name}_dropout": p for name, p in self._said().items()}
        inner = {name: said.pop(name) for name in ("hidden_dropout", "weight_dropout") if name in said}
        stacks = {
            field.name: stack.replace(**inner)
            for field in fields(model.config)
            if isinstance(stack := getattr(model.config, field.name), StackConfig)
        }
        config: Any = model.config.replace(**said, **stacks)
        copy: M = config.build(*model.tokenizers)
        weights = {plain_name(name): weight for name, weight in model.state_dict().items()}
        with torch.no_grad():
            for name, weight in copy.state_dict().items():
                weight.copy_(weights[plain_name(name)])
        return copy.train(model.training)
