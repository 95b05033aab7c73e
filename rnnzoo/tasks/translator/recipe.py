"""What the recipes of translators say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from rnnzoo.decoding import SearchConfig
from rnnzoo.models import Seq2SeqConfig
from rnnzoo.ranges import Count, DropProbability, PositiveCount, Range, Seed
from rnnzoo.tasks.recipe import Recipe
from rnnzoo.training import (
    DropoutConfig,
    OptimizerConfig,
    PairDataConfig,
    PretrainedEmbedding,
    ScheduleConfig,
)
from rnnzoo.training.finite import OnNonFinite
from rnnzoo.training.optim import AdamWConfig, OneCycleConfig

__all__ = ["SHORT_FORMS", "TranslatorRecipe"]

_HALVES = ("cell", "hidden_size", "num_layers", "hidden_dropout")

SHORT_FORMS: dict[str, tuple[str, ...]] = {
    **{name: (f"model.encoder.{name}", f"model.decoder.{name}") for name in _HALVES},
    "embedding_dim": ("model.embedding_dim",),
    "attention": ("model.attention",),
    "files": ("data.files",),
    "tsv": ("data.tsv",),
    "corpus": ("data.corpus",),
    "hub": ("data.hub",),
    "src": ("data.src",),
    "tgt": ("data.tgt",),
    "encoding": ("data.encoding",),
    "newlines": ("data.newlines",),
    "batch_tokens": ("data.batch_tokens",),
    "lr": ("optimizer.lr",),
    "epochs": ("trainer.max_epochs",),
}
"""Those of a translator's; a cell or a size goes to both halves."""


@dataclass(frozen=True)
class TranslatorRecipe(Recipe, name="translator"):
    """Trains an encoder-decoder on pairs of sentences.

    Args:
        data: the pairs, and how they are read.
        model: the network.
        optimizer: how gradients become updates.
        schedule: how the learning rate moves.
        label_smoothing: share of a target's probability that is spread over the vocabulary.
        search: how the trained model translates when it is measured.
        patience: validations without a better BLEU after which training ends; 0 for never.
        shown: translations that each validation shows.
        trainer: arguments of `lightning.Trainer`.
        src_embedding: word vectors from a file, with which the source's table begins. tgt_embedding: the target's.
        average: validations at the end of training whose weights are averaged (Vaswani et al. 2017); the average is
            what the run ends in if it validates better than the best of them all. 0 for none.
        init_from: a translator to train further instead of a new one: a zoo name or a folder. Its network and its
            vocabularies are taken.
        dropout: what of that model shall be dropped, where it is not what it was trained with.
        seed: of weights, dropout and the order of the data.
        checkpoint_every: optimiser steps between two checkpoints.
        on_nonfinite: what is done when a loss or gradient is NaN or infinite: ``stop``, or ``skip`` that step.
    """

    short_forms: ClassVar = SHORT_FORMS

    data: PairDataConfig
    model: Seq2SeqConfig = field(default_factory=Seq2SeqConfig)
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    schedule: ScheduleConfig = field(default_factory=OneCycleConfig)
    label_smoothing: DropProbability = 0.1
    search: SearchConfig = field(default_factory=SearchConfig)
    patience: Count = 0
    shown: Annotated[int, Range("0 <= x <= 1000")] = 2
    trainer: dict[str, Any] = field(default_factory=dict)
    src_embedding: PretrainedEmbedding | None = None
    tgt_embedding: PretrainedEmbedding | None = None
    average: Annotated[int, Range("0 <= x <= 1000")] = 0
    init_from: str | None = None
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    seed: Seed = 1
    checkpoint_every: PositiveCount = 100
    on_nonfinite: OnNonFinite = "stop"

    def __post_init__(self) -> None:
        vectors = [section for section in (self.src_embedding, self.tgt_embedding) if section is not None]
        if vectors and self.init_from is not None:
            raise ValueError("src_embedding, tgt_embedding and init_from exclude each other: a model has its tables")
        if any(section.project for section in vectors):
            raise ValueError("a translator's tables have embedding_dim numbers a token: project is for language models")
        if len(vectors) == 2 and self.model.shared == "all":
            raise ValueError("shared: all has one table: give src_embedding or tgt_embedding")
        self.dropout.check(self.init_from)
