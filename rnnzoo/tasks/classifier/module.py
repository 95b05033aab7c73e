"""Training a classifier on texts with labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from rnnzoo.data.labelled_batches import TextBatch
from rnnzoo.metrics.classification import classification_figures
from rnnzoo.models import Classifier, ClassifierConfig
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.tasks.base import Task, plain_model
from rnnzoo.text import Tokenizer
from rnnzoo.training.discriminative import lower_below
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.resume import gather_ranks

__all__ = ["TextClassifier"]


class TextClassifier(Task):
    """A LightningModule around a plain `Classifier`; works in any `lightning.Trainer`.

    Its batches are `TextBatch`es, and a text counts as one token of `Task`: losses and what is logged are per text. An
    evaluation logs ``val/accuracy`` and ``val/macro_f1`` (or ``test/...``) too, in %, over all ranks.

    Args:
        model: a model to train further, or the config of a new one.
        tokenizer: the vocabulary; comes with the model where that is given.
        optimizer: how gradients become updates. schedule: how the learning rate moves.
        label_smoothing: share of a text's probability that is spread over the labels (Szegedy et al. 2016,
            arXiv:1512.00567); what is logged is without it.
        class_weights: what a text of a label counts in the loss, by label, 1 where one is not named.
        lr_decay: each layer below the output layer learns at this share less: its rate is that of the one above divided
            by it (discriminative fine-tuning, Howard & Ruder 2018, arXiv:1801.06146).
    """

    model: Classifier
    plain = Classifier

    def __init__(
        self,
        model: Classifier | ClassifierConfig | Mapping[str, Any],
        tokenizer: Tokenizer | Mapping[str, Any] | None = None,
        optimizer: OptimizerConfig | Mapping[str, Any] | str = "adamw",
        schedule: ScheduleConfig | Mapping[str, Any] | str = "constant",
        label_smoothing: float = 0.0,
        class_weights: Mapping[str, float] | None = None,
        lr_decay: float = 1.0,
    ) -> None:
        super().__init__(optimizer, schedule)
        self.model = plain_model(model, tokenizer, Classifier, ClassifierConfig)
        if not 0 <= label_smoothing < 1:
            raise ValueError("label_smoothing lies between 0 and 1")
        if not lr_decay >= 1:
            raise ValueError("lr_decay is 1 or more")
        given = dict(class_weights or {})
        if strange := [label for label in given if label not in self.model.labels]:
            raise ValueError(f"class_weights: there is no label {strange[0]!r}")
        self.label_smoothing, self.lr_decay = label_smoothing, lr_decay
        # Plain dictionaries: a checkpoint holds nothing that could execute.
        plain = {
            "model": self.model.config.to_dict(),
            "tokenizer": self.model.tokenizer.to_dict(),
            "optimizer": self.optimizer_config.to_dict(),
            "schedule": self.schedule_config.to_dict(),
            "label_smoothing": label_smoothing,
            "class_weights": given or None,
            "lr_decay": lr_decay,
        }
        self.save_hyperparameters(plain, logger=False)
        self._weights = torch.tensor([given.get(label, 1.0) for label in self.model.labels]) if given else None
        self._said: dict[int, tuple[list[float], Any]] = {}  # of an evaluation: text to logits and target

    def classify(self, texts: Any, **options: Any) -> Any:
        """What texts are; see `rnnzoo.inference.classification.classify.classify`."""
        return self.model.classify(texts, **options)

    def forward(self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"] | None = None) -> Float[Tensor, "B C"]:
        """The plain model's forward."""
        logits: Tensor = self.model(tokens, lengths)
        return logits

    # ------------------------------------------------------------------------------------------ steps

    def training_step(self, batch: TextBatch, batch_idx: int) -> Float[Tensor, ""]:
        """The summed loss of a batch, in nats, with weights and label smoothing; what is logged is without them."""
        logits, targets = self._logits(batch)
        nats = self.model.nll(logits, targets)
        self._count(nats.sum(), batch.num_targets)
        loss = nats
        if self.label_smoothing:
            loss = (1 - self.label_smoothing) * nats + self.label_smoothing * self._even(logits)
        if self._weights is not None:
            weights = self._weights.to(loss)
            own = weights[targets] if targets.dim() == 1 else self._of_several(targets, weights)
            loss = loss * own
        return loss.sum()

    def _even(self, logits: Tensor) -> Tensor:
        """The loss of a text (B,) that is every label to the same degree."""
        if not self.model.config.several:
            return -logits.log_softmax(-1).mean(-1)
        return self.model.nll(logits, torch.full_like(logits, 0.5))

    @staticmethod
    def _of_several(targets: Tensor, weights: Tensor) -> Tensor:
        """The weight of a text with several labels: their mean, 1 of a text without one."""
        count = targets.sum(-1)
        mean = (targets * weights).sum(-1) / count.clamp(min=1)
        return torch.where(count > 0, mean, 1)

    def _logits(self, batch: TextBatch) -> tuple[Tensor, Tensor]:
        """Of the texts that count; of an empty batch none, though it goes through the model: its gradients are 0."""
        counted = batch.indices >= 0
        logits: Tensor = self.model(batch.tokens, batch.lengths)[counted]
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        return logits, batch.targets[counted]

    def validation_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Adds a batch to the validation score."""
        self._score(batch, "val")

    def test_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Adds a batch to the test score."""
        self._score(batch, "test")

    def _score(self, batch: TextBatch, split: str) -> None:
        if not batch.num_targets:  # an empty batch, of a rank that has run out of texts
            self._metric(split).update(0.0, 0)
            return
        logits, targets = self._logits(batch)
        self._metric(split).update(self.model.nll(logits, targets).sum(), batch.num_targets)
        rows = zip(batch.indices.tolist(), logits.tolist(), targets.tolist(), strict=True)
        self._said |= {index: (row, target) for index, row, target in rows}

    def _begin_score(self, split: str) -> None:
        self._said = {}
        super()._begin_score(split)

    def _log_score(self, split: str) -> float:
        everywhere = {index: said for rank in gather_ranks(self._said) for index, said in rank.items()}
        if everywhere:
            found = [everywhere[index] for index in sorted(everywhere)]
            logits, targets = (torch.tensor(part) for part in zip(*found, strict=True))
            figures = classification_figures(self.model.probabilities_of(logits), targets, 0.0, self.model.labels)
            for name in ("accuracy", "macro_f1"):
                logged = torch.tensor(figures[name], dtype=torch.float64)  # equal on all ranks; see `Task._log_score`
                self.log(f"{split}/{name}", logged, sync_dist=self.trainer.world_size > 1)
        return super()._log_score(split)

    # ----------------------------------------------------------------------------------- optimisation

    def configure_optimizers(self) -> Any:
        """See `Task.configure_optimizers`; with `lr_decay`, lower layers at lower rates."""
        if self.lr_decay == 1:
            return super().configure_optimizers()
        optimizer: Optimizer = self.optimizer_config.build(self.model.named_parameters())
        lower_below(optimizer, self.model.depths(), self.lr_decay)
        per_epoch, total = self._steps()
        return {"optimizer": optimizer, "lr_scheduler": self.schedule_config.build(optimizer, per_epoch, total)}
