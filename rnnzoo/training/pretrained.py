"""Word vectors from a file as the embedding table that training begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import lightning
import numpy as np
import numpy.typing as npt
from lightning.pytorch.callbacks import Callback

from rnnzoo.config import Config
from rnnzoo.embeddings import Vectors, load_vectors
from rnnzoo.embeddings.load import Format
from rnnzoo.embeddings.text import BadTokens
from rnnzoo.errors import UserError
from rnnzoo.models import ClassifierConfig, LanguageModelConfig
from rnnzoo.ranges import Count, Size
from rnnzoo.text import Tokenizer

__all__ = ["FreezeEmbedding", "PretrainedEmbedding"]

M = TypeVar("M", LanguageModelConfig, ClassifierConfig)
Freeze = Count | Literal["always", "never"]
_BLOCK = 1 << 20


@dataclass(frozen=True)
class PretrainedEmbedding(Config):
    """Which vectors a new training begins with, and how long they stay as they are.

    A run that is resumed takes its table from the checkpoint; the file is read once.

    Args:
        source: a file of GloVe, word2vec or fastText, or ``hub:org/repo/path``.
        freeze: how many epochs the table is not trained: a number, ``always`` or ``never``. Where the output layer is
            tied to the table, it is frozen with it.
        project: the table has the file's dimension, and a linear map, trained with the rest, leads to the model's
            `embedding_dim` (or `embedding_projection`, where that is given); without it the two have to agree.
        member, format, dim, case_fallback, bad_tokens: see `rnnzoo.embeddings.load_vectors`.
    """

    source: str
    freeze: Freeze = "never"
    project: bool = False
    member: str | None = None
    format: Format = "auto"
    dim: Size | None = None
    case_fallback: bool = False
    bad_tokens: BadTokens = "error"

    def load(self, tokenizer: Tokenizer, ids: npt.NDArray[Any], seed: int) -> Vectors:
        """The vectors of a vocabulary.

        Args:
            tokenizer: the vocabulary. ids: the training text (N,), for the report. seed: of the missing rows.

        Raises:
            UserError: see `load_vectors`.
        """
        counts = np.zeros(tokenizer.vocab_size, np.int64)
        for start in range(0, len(ids), _BLOCK):
            counts += np.bincount(ids[start : start + _BLOCK], minlength=len(counts))
        return load_vectors(
            self.source,
            tokenizer,
            member=self.member,
            format=self.format,
            dim=self.dim,
            case_fallback=self.case_fallback,
            bad_tokens=self.bad_tokens,
            counts=counts.tolist(),
            seed=seed,
        )

    def fit(self, model: M, dim: int) -> M:
        """`model` with a table of `dim` numbers a token.

        Raises:
            UserError: it has another dimension, and there is no projection; or rare words have fewer features.
        """
        tied = isinstance(model, LanguageModelConfig) and model.tied
        if isinstance(model, LanguageModelConfig) and tied and model.adaptive_cutoffs:
            raise UserError("embedding: with model.tied and model.adaptive_cutoffs rare words have no whole vectors")
        if self.project:
            size = model.embedding_projection or model.embedding_dim
            output = {"output_projection": dim} if tied else {}  # a tied output layer has the table's dimension
            return model.replace(embedding_dim=dim, embedding_projection=size, **output)
        if model.embedding_dim != dim:
            raise UserError(
                f"embedding.source has vectors of {dim} numbers, model.embedding_dim is {model.embedding_dim}: make it "
                f"{dim}, or set embedding.project=true"
            )
        return model

    def callback(self, table: str = "embedding") -> FreezeEmbedding:
        """What keeps the model's `table` as it is."""
        return FreezeEmbedding(self.freeze, table)


class FreezeEmbedding(Callback):
    """Keeps an embedding table of the model as it is for some epochs.

    The table's gradient is dropped before each optimiser step, and before gradients are clipped: that depends on
    nothing but the epoch, so a resumed run goes on rightly, and all strategies see the same trainable parameters
    throughout.

    Args:
        freeze: a number of epochs, ``"always"`` or ``"never"``.
        table: the table's name in the model.
    """

    def __init__(self, freeze: Freeze, table: str = "embedding") -> None:
        super().__init__()
        self.freeze, self.table = freeze, table

    def frozen(self, epoch: int) -> bool:
        """Whether the table stays as it is in an epoch, counted from 0."""
        return self.freeze == "always" or (isinstance(self.freeze, int) and epoch < self.freeze)

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, optimizer: Any
    ) -> None:
        if self.frozen(trainer.current_epoch):
            model: Any = pl_module.model
            getattr(model, self.table).weight.grad = None
