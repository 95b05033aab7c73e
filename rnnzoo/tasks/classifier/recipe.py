"""What the recipes of classifiers say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from rnnzoo.config import Config
from rnnzoo.models import ClassifierConfig
from rnnzoo.ranges import Count, DropProbability, Positive, PositiveCount, Range, Seed
from rnnzoo.tasks.recipe import Recipe
from rnnzoo.training import (
    DropoutConfig,
    LabelledDataConfig,
    OptimizerConfig,
    PretrainedEmbedding,
    ScheduleConfig,
)
from rnnzoo.training.finite import OnNonFinite
from rnnzoo.training.optim import AdamWConfig, OneCycleConfig

__all__ = ["SHORT_FORMS", "ClassifierRecipe", "EncoderConfig"]

SHORT_FORMS: dict[str, tuple[str, ...]] = {
    "cell": ("model.backbone.cell",),
    "hidden_size": ("model.backbone.hidden_size",),
    "num_layers": ("model.backbone.num_layers",),
    "hidden_dropout": ("model.backbone.hidden_dropout",),
    "embedding_dim": ("model.embedding_dim",),
    "pooling": ("model.pooling",),
    "bidirectional": ("model.bidirectional",),
    "encoder": ("encoder.source",),
    "files": ("data.files",),
    "corpus": ("data.corpus",),
    "hub": ("data.hub",),
    "text_column": ("data.text_column",),
    "label_column": ("data.label_column",),
    "encoding": ("data.encoding",),
    "newlines": ("data.newlines",),
    "batch_tokens": ("data.batch_tokens",),
    "lr": ("optimizer.lr",),
    "epochs": ("trainer.max_epochs",),
}
"""Everyday settings of a classifier's recipe, and the fields they stand for."""


@dataclass(frozen=True)
class EncoderConfig(Config):
    """A trained model whose vectors and stack a new classifier begins with (Howard & Ruder 2018, arXiv:1801.06146).

    Args:
        source: a zoo name or a folder: a language model, a translator, whose encoder is taken, or a classifier.
        vocabulary: ``own``, the trained model's, with the characters that it does not have yet; ``data``, that of the
            texts, made by ``data.tokenizer``, of which the tokens that the model knows begin with its vectors.
        lr_decay: the rate of each layer is that of the one above divided by it; 1 for one rate.
        unfreeze_epochs: the head is trained alone at first, and after each so many epochs one layer more; 0 for all
            from the beginning.
    """

    source: str
    vocabulary: Literal["own", "data"] = "own"
    lr_decay: Annotated[float, Range("1 <= x <= 1e6")] = 2.6
    unfreeze_epochs: Count = 1


@dataclass(frozen=True)
class ClassifierRecipe(Recipe, name="classifier"):
    """Trains a classifier on texts with labels.

    Args:
        data: the texts, and how they are read.
        model: the network; `labels` and `several` come from the data.
        optimizer: how gradients become updates.
        schedule: how the learning rate moves.
        label_smoothing: share of a text's probability that is spread over the labels.
        class_weights: what a text counts in the loss: ``none``, all alike; ``balanced``, each label as much as any
            other; ``root``, between the two; or a number for each label that is not to count 1.
        patience: validations without a better accuracy after which training ends; 0 for never.
        calibrate: in the end, what the model says is divided by the temperature with which it predicts the validation
            part best (Guo et al. 2017, arXiv:1706.04599): it becomes as sure of itself as it is right.
        trainer: arguments of `lightning.Trainer`.
        encoder: a trained model whose vectors and stack a new one begins with; they take the place of those in `model`.
        embedding: word vectors from a file, with which the model's table begins.
        average: validations at the end of training whose weights are averaged (Izmailov et al. 2018, arXiv:1803.05407);
            the average is what the run ends in if it validates better than the best of them all. 0 for none.
        init_from: a classifier to train further instead of a new one: a zoo name or a folder. Where its labels are not
            those of the data, it gets a new output layer.
        dropout: what of that model, or of the encoder's stack, shall be dropped, where it is not what it was trained
            with.
        seed: of weights, dropout and the order of the data.
        checkpoint_every: optimiser steps between two checkpoints.
        on_nonfinite: what is done when a loss or gradient is NaN or infinite: ``stop``, or ``skip`` that step.
    """

    short_forms: ClassVar = SHORT_FORMS

    data: LabelledDataConfig
    model: ClassifierConfig = field(default_factory=ClassifierConfig)
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    schedule: ScheduleConfig = field(default_factory=OneCycleConfig)
    label_smoothing: DropProbability = 0.0
    class_weights: Literal["none", "balanced", "root"] | dict[str, Positive] = "none"
    patience: Count = 0
    calibrate: bool = False
    trainer: dict[str, Any] = field(default_factory=dict)
    encoder: EncoderConfig | None = None
    embedding: PretrainedEmbedding | None = None
    average: Annotated[int, Range("0 <= x <= 1000")] = 0
    init_from: str | None = None
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    seed: Seed = 1
    checkpoint_every: PositiveCount = 100
    on_nonfinite: OnNonFinite = "stop"

    def __post_init__(self) -> None:
        given = {"encoder": self.encoder, "embedding": self.embedding, "init_from": self.init_from}
        if len(named := [name for name, value in given.items() if value is not None]) > 1:
            raise ValueError(f"{named[0]} and {named[1]} exclude each other: a trained model has its table")
        if self.model.labels:
            raise ValueError("model.labels: the labels are those of the data")
        self.dropout.check(self.init_from if self.encoder is None else self.encoder.source)
