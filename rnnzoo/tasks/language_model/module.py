"""Training a language model: the part that character and word models share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import torch

from rnnzoo import state as states
from rnnzoo.data.streams import Chunk
from rnnzoo.inference.scoring.text import Scores
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.shapes import Float, Tensor
from rnnzoo.state import State
from rnnzoo.tasks.base import Task, plain_model
from rnnzoo.text import Tokenizer
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.regularization import RegularizationConfig
from rnnzoo.training.resume import pack_state, unpack_state

__all__ = ["CharLM", "LanguageModelTask", "WordLM"]


class LanguageModelTask(Task):
    """A LightningModule around a plain `LanguageModel`; works in any `lightning.Trainer`.

    Its batches are `Chunk`s. The state is carried from each to the next and cut off there (truncated backpropagation
    through time); training and validation carry their own. Losses and what is logged are those of `Task`.

    Args:
        model: a model to train further, or the config of a new one.
        tokenizer: the vocabulary; comes with the model where that is given.
        optimizer: how gradients become updates. schedule: how the learning rate moves.
        regularization: penalties in training beside the loss.
    """

    model: LanguageModel
    plain = LanguageModel

    def __init__(
        self,
        model: LanguageModel | LanguageModelConfig | Mapping[str, Any],
        tokenizer: Tokenizer | Mapping[str, Any] | None = None,
        optimizer: OptimizerConfig | Mapping[str, Any] | str = "adamw",
        schedule: ScheduleConfig | Mapping[str, Any] | str = "constant",
        regularization: RegularizationConfig | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(optimizer, schedule)
        self.model = plain_model(model, tokenizer, LanguageModel, LanguageModelConfig)
        self.regularization = RegularizationConfig.from_dict(regularization or {}, "regularization")
        # Plain dictionaries: a checkpoint holds nothing that could execute.
        plain = {
            "model": self.model.config.to_dict(),
            "tokenizer": self.model.tokenizer.to_dict(),
            "optimizer": self.optimizer_config.to_dict(),
            "schedule": self.schedule_config.to_dict(),
            "regularization": self.regularization.to_dict(),
        }
        self.save_hyperparameters(plain, logger=False)
        self._carry: dict[str, State | None] = {"train": None, "val": None, "test": None}
        self._scale = 1.0  # of the learning rate, from the chunk under way

    @overload
    def generate(self, prompt: str = "", **options: Any) -> list[str]: ...
    @overload
    def generate(self, prompt: list[str] | tuple[str, ...], **options: Any) -> list[list[str]]: ...
    def generate(self, prompt: str | list[str] | tuple[str, ...] = "", **options: Any) -> list[str] | list[list[str]]:
        """Texts that continue `prompt`, or each of several; see `LanguageModel.generate`."""
        return self.model.generate(prompt, **options)

    def score(self, text: str, **options: Any) -> Scores:
        """How well the model predicts `text`; see `LanguageModel.score`."""
        return self.model.score(text, **options)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The plain model's forward: tokens (B, T) to logits (B, T, V) and the new state."""
        logits: tuple[Tensor, State] = self.model(tokens, state)
        return logits

    # ------------------------------------------------------------------------------------------ steps

    def training_step(self, batch: Chunk, batch_idx: int) -> Float[Tensor, ""]:
        """The summed loss of a chunk, in nats, with the penalties; what is logged is without them."""
        features, dropped = self._features(batch, "train")
        nats = self.model.nll_of(dropped, batch.targets)
        self._count(nats, batch.num_targets)
        if self.regularization:
            nats = nats + self.regularization.penalty(features, dropped, batch.targets)
        return nats

    def validation_step(self, batch: Chunk, batch_idx: int) -> None:
        """Adds a chunk to the validation score."""
        self._score(batch, "val")

    def test_step(self, batch: Chunk, batch_idx: int) -> None:
        """Adds a chunk to the test score."""
        self._score(batch, "test")

    def _features(self, batch: Chunk, split: str) -> tuple[Float[Tensor, "B T H"], Float[Tensor, "B T H"]]:
        """The last layer's outputs, and the same after dropout; the split's carried state goes in and comes out."""
        carry, rows = self._carry[split], batch.tokens.size(0)
        initial = self.model.initial_state(rows)
        if carry is not None and any(leaf.size(0) != rows for leaf in states.leaves(carry)) and batch.reset.all():
            carry = None  # other streams, which all begin here
        if carry is None:
            carry = initial
        else:
            states.check(carry, rows)  # PyTorch would broadcast a single row
            carry = states.select(batch.reset, initial, carry)
        features, carry = self.model.features(batch.tokens, carry)
        self._carry[split] = states.detach(carry)
        return features, self.model.output_dropout(features)

    def _nats(self, batch: Chunk, split: str) -> Float[Tensor, ""]:
        """The summed loss of a chunk; the split's carried state goes in and comes out."""
        return self.model.nll_of(self._features(batch, split)[1], batch.targets)

    def _score(self, batch: Chunk, split: str) -> None:
        self._metric(split).update(self._nats(batch, split), batch.num_targets)

    # ----------------------------------------------------------------------------------- optimisation

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """A step at the learning rate that suits the chunk's length, see `Chunk.scale`."""
        groups = optimizer.param_groups
        rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] *= self._scale
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    def on_train_batch_start(self, batch: Chunk, batch_idx: int) -> None:
        """Notes how long the chunk is, as a factor of the learning rate."""
        super().on_train_batch_start(batch, batch_idx)
        self._scale = batch.scale

    # ------------------------------------------------------------------------------- what is carried

    def _begin_score(self, split: str) -> None:
        self._carry[split] = None
        super()._begin_score(split)

    def _forget_broken(self) -> None:
        """Streams whose carried state has a NaN begin anew."""
        carry = self._carry["train"]
        if carry is None:
            return
        rows = states.leaves(carry)[0].size(0)
        wrong = torch.stack([leaf.isnan().flatten(1).any(1) for leaf in states.leaves(carry)]).any(0)
        self._carry["train"] = states.detach(states.select(wrong, self.model.initial_state(rows), carry))

    def _carried(self) -> dict[str, Any]:
        return {"carry": pack_state(self._carry["train"])}

    def _resume_carried(self, carried: dict[str, Any]) -> None:
        self._carry["train"] = unpack_state(carried.get("carry"), self.model.initial_state(1), self.device)


class CharLM(LanguageModelTask):
    """A language model over characters or bytes, in training; its ``bits`` are bits per character (or byte)."""


class WordLM(LanguageModelTask):
    """A language model over words, in training; its ``ppl`` is perplexity per word (``<eos>`` counted as one)."""
