"""What the recipes of language models say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from rnnzoo.models import LanguageModelConfig
from rnnzoo.ranges import PositiveCount, Range, Seed
from rnnzoo.tasks.recipe import Recipe
from rnnzoo.training import (
    DropoutConfig,
    OptimizerConfig,
    PretrainedEmbedding,
    RegularizationConfig,
    SampleConfig,
    ScheduleConfig,
    StreamDataConfig,
    WordDataConfig,
)
from rnnzoo.training.finite import OnNonFinite
from rnnzoo.training.optim import AdamWConfig, OneCycleConfig

__all__ = ["SHORT_FORMS", "CharLMRecipe", "LanguageModelRecipe", "WordLMRecipe"]

SHORT_FORMS: dict[str, tuple[str, ...]] = {
    "cell": ("model.backbone.cell",),
    "hidden_size": ("model.backbone.hidden_size",),
    "num_layers": ("model.backbone.num_layers",),
    "hidden_dropout": ("model.backbone.hidden_dropout",),
    "embedding_dim": ("model.embedding_dim",),
    "text": ("data.files",),
    "corpus": ("data.corpus",),
    "hub": ("data.hub",),
    "shards": ("data.shards",),
    "text_column": ("data.text_column",),
    "encoding": ("data.encoding",),
    "newlines": ("data.newlines",),
    "streams": ("data.streams",),
    "chunk_len": ("data.chunk_len",),
    "lr": ("optimizer.lr",),
    "epochs": ("trainer.max_epochs",),
}
"""Everyday settings of a language model's recipe, and the fields they stand for."""


@dataclass(frozen=True)
class LanguageModelRecipe(Recipe):
    """What the recipes of character and word models share.

    Args:
        data: the text, and how it is read.
        model: the network.
        optimizer: how gradients become updates.
        schedule: how the learning rate moves.
        regularization: penalties in training beside the loss.
        sample: what the model says while it trains, and at the end.
        trainer: arguments of `lightning.Trainer`.
        embedding: word vectors from a file, with which the model's table begins.
        init_from: a model to train further instead of a new one: a zoo name or a folder. Its network is taken too,
            and its vocabulary learns the text's new characters.
        dropout: what of that model shall be dropped, where it is not what it was trained with.
        average: validations at the end of training whose weights are averaged (Izmailov et al. 2018, arXiv:1803.05407);
            the average is what the run ends in if it validates better than the best of them all. 0 for none.
        calibrate: in the end, what the model says is divided by the temperature with which it predicts the validation
            part best (Guo et al. 2017, arXiv:1706.04599): it becomes as sure of itself as it is right.
        seed: of weights, dropout and the order of the data.
        checkpoint_every: optimiser steps between two checkpoints.
        on_nonfinite: what is done when a loss or gradient is NaN or infinite: ``stop``, or ``skip`` that step.
    """

    short_forms: ClassVar = SHORT_FORMS

    data: StreamDataConfig
    model: LanguageModelConfig = field(default_factory=LanguageModelConfig)
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    schedule: ScheduleConfig = field(default_factory=OneCycleConfig)
    regularization: RegularizationConfig = field(default_factory=RegularizationConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    trainer: dict[str, Any] = field(default_factory=dict)
    embedding: PretrainedEmbedding | None = None
    init_from: str | None = None
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    average: Annotated[int, Range("0 <= x <= 1000")] = 0
    calibrate: bool = False
    seed: Seed = 1
    checkpoint_every: PositiveCount = 50
    on_nonfinite: OnNonFinite = "stop"

    def __post_init__(self) -> None:
        if self.embedding is not None and self.init_from is not None:
            raise ValueError("embedding and init_from exclude each other: a trained model has its table")
        if self.calibrate and self.model.adaptive_cutoffs:
            raise ValueError("calibrate: an adaptive softmax has no logits that a temperature could divide")
        self.dropout.check(self.init_from)


@dataclass(frozen=True)
class CharLMRecipe(LanguageModelRecipe, name="char_lm"):
    """Trains a character or byte language model; the fields are those of `LanguageModelRecipe`."""


@dataclass(frozen=True)
class WordLMRecipe(LanguageModelRecipe, name="word_lm"):
    """Trains a word language model; the fields are those of `LanguageModelRecipe`."""

    data: WordDataConfig
