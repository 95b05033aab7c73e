"""Validation and test: scores over all ranks, with averaged weights, which leave the training's random state alone."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning.pytorch.trainer.states import TrainerFn

from rnnzoo.metrics import bits, perplexity
from rnnzoo.metrics.running import NLL
from rnnzoo.training.nt_asgd import NTASGD
from rnnzoo.training.resume import random_state, set_random_state
from rnnzoo.training.validation import begin_again

__all__ = ["Scored"]


class Scored(lightning.LightningModule):
    """What a task does around a validation and a test.

    Logged: ``val/nll``, ``test/nll`` (nats per token) with their ``ppl`` and ``bits``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.val_score, self.test_score = NLL(), NLL()  # of the evaluation under way
        self._training_random: dict[str, Any] | None = None
        self._lent_step = False  # see `Task.on_load_checkpoint`

    def on_validation_model_zero_grad(self) -> None:
        """The first hook of a validation: a dataloader may draw random numbers before `on_validation_start`."""
        self._training_random = random_state()
        super().on_validation_model_zero_grad()

    def on_validation_start(self) -> None:
        """Validation leaves the training's random state alone."""
        if self._training_random is None:  # in the middle of an accumulation there is no hook before this one
            self._training_random = random_state()
        if self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking:
            begin_again(self.trainer)
        if (optimizer := self._averaging()) is not None:
            optimizer.swap()  # the mean of the weights is validated, and kept where it is the best

    def on_validation_end(self) -> None:
        """See `on_validation_start`."""
        if self._lent_step:
            self._lent_step = False
            self.trainer.fit_loop.epoch_loop.max_steps -= 1
        if (optimizer := self._averaging()) is not None and optimizer.swapped:
            optimizer.swap()
        if self._training_random is not None:
            set_random_state(self._training_random)
            self._training_random = None

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Drops what a validation that was skipped has left behind."""
        self._training_random = None

    def _averaging(self) -> NTASGD | None:
        fitting = self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking
        optimizers = self.trainer.optimizers if fitting else []
        return optimizers[0] if optimizers and isinstance(optimizers[0], NTASGD) else None

    def on_validation_epoch_start(self) -> None:
        """Begins a score."""
        self._begin_score("val")

    def on_validation_epoch_end(self) -> None:
        """Logs the score of the whole validation text."""
        nll = self._log_score("val")
        if (optimizer := self._averaging()) is not None:
            optimizer.observe(nll)

    def on_test_epoch_start(self) -> None:
        """Begins a score."""
        self._begin_score("test")

    def on_test_epoch_end(self) -> None:
        """Logs the score of the whole test text."""
        self._log_score("test")

    def _metric(self, split: str) -> NLL:
        return self.val_score if split == "val" else self.test_score

    def _begin_score(self, split: str) -> None:
        self._metric(split).reset()

    def _log_score(self, split: str) -> float:
        nll = float(self._metric(split).compute())  # over all ranks
        scores = {"nll": nll, "ppl": perplexity(nll), "bits": bits(nll)}
        logged = {f"{split}/{name}": torch.tensor(value, dtype=torch.float64) for name, value in scores.items()}
        self.log_dict(logged, sync_dist=self.trainer.world_size > 1)  # equal on all ranks; else Lightning warns
        self._begin_score(split)
        return nll
