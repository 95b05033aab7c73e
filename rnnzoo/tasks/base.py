"""What every task shares: gradients of the mean loss per token, scores, what a checkpoint needs to go on exactly."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from rnnzoo.config import Config
from rnnzoo.metrics import bits
from rnnzoo.models import Classifier, LanguageModel, Seq2Seq
from rnnzoo.shapes import Tensor
from rnnzoo.tasks.finite_steps import FiniteSteps, diverged
from rnnzoo.tasks.scored import Scored
from rnnzoo.text import Tokenizer, tokenizer_from_dict
from rnnzoo.training.finite import broken
from rnnzoo.training.internals import has_trainer
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.resume import gather_ranks, random_state, set_random_state, share_rows
from rnnzoo.training.validation import note_validation
from rnnzoo.zoo import Published, load, push_to_hub, save_folder

__all__ = ["Task", "plain_model"]

M = TypeVar("M", bound=nn.Module)


class Task(FiniteSteps, Scored):
    """A LightningModule around a plain model, whose loss is a sum over tokens.

    Before each optimiser step gradients are divided by the tokens they were summed over, on all ranks and in all
    accumulated batches, so that no split of a batch changes them.

    A step whose loss or gradient is not finite is never taken: `on_nonfinite` says whether training ends there, with
    `NonFiniteError`, or goes on without it. Weights that are not finite are never saved.

    Logged: ``train/nll``, ``val/nll``, ``test/nll`` (nats per token) with their ``ppl`` and ``bits``.

    Args:
        optimizer: how gradients become updates. schedule: how the learning rate moves.

    Attributes:
        on_nonfinite: ``"stop"`` or ``"skip"``.
    """

    model: LanguageModel | Seq2Seq | Classifier
    plain: ClassVar[type[LanguageModel] | type[Seq2Seq] | type[Classifier]]  # the class of `model`

    def __init__(
        self,
        optimizer: OptimizerConfig | Mapping[str, Any] | str = "adamw",
        schedule: ScheduleConfig | Mapping[str, Any] | str = "constant",
    ) -> None:
        super().__init__()
        self.optimizer_config = OptimizerConfig.from_dict(optimizer, "optimizer")
        self.schedule_config = ScheduleConfig.from_dict(schedule, "schedule")
        self.tokens_trained = 0
        self._window, self._window_nats = 0, torch.zeros(())  # tokens since the last optimiser step, and their loss
        self._log_nats, self._log_tokens = torch.zeros(()), 0  # since the last logged step
        self._resume: dict[str, Any] | None = None

    @classmethod
    def from_pretrained(
        cls,
        model: str | os.PathLike[str],
        *,
        dtype: torch.dtype | str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        **options: Any,
    ) -> Self:
        """A trained model, ready to be trained further.

        Args:
            model: a zoo name, a folder or a hub repository; this and the others as in `rnnzoo.load`.
            dtype: what its weights become. revision: of a repository. token: for a private one.
            cache_dir: instead of huggingface_hub's. local_files_only: asks no server.
            options: the other arguments of the class.
        """
        place: dict[str, Any] = {"cache_dir": cache_dir, "local_files_only": local_files_only}
        found = load(model, kind=cls.plain, dtype=dtype, revision=revision, token=token, **place)
        return cls(found, **options)  # type: ignore[arg-type]  # every task takes a model first

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Writes the model as a folder that `from_pretrained` and `rnnzoo.load` take."""
        save_folder(folder, self.model)

    def push_to_hub(self, repo: str, **options: Any) -> Published:
        """Publishes the model as it is now, without a score; options as in `rnnzoo.push_to_hub`.

        A model in training has no score that anybody could measure again, so ``unverified=True`` is needed. To
        publish one with its score, complete the run with `rnnzoo entry` and publish that.
        """
        with tempfile.TemporaryDirectory(prefix="rnnzoo-push-") as place:
            self.save_pretrained(Path(place) / "model")
            return push_to_hub(Path(place) / "model", repo, **options)

    def _count(self, nats: Tensor, tokens: int) -> None:
        """Notes a training batch: its loss in nats, without penalties, and the tokens that it is the sum over."""
        self._window += tokens
        self.tokens_trained += tokens
        self._window_nats = self._window_nats.to(nats.device) + nats.detach()

    # ----------------------------------------------------------------------------------- optimisation

    def build_optimizer(self) -> torch.optim.Optimizer:
        """The optimiser as a run begins with it; a checkpoint's is held against it."""
        return self.optimizer_config.build(self.model.named_parameters())

    def configure_optimizers(self) -> Any:
        """The optimiser, and the schedule over all steps of the run."""
        optimizer = self.build_optimizer()
        per_epoch, total = self._steps()
        return {
            "optimizer": optimizer,
            "lr_scheduler": self.schedule_config.build(optimizer, per_epoch, total),
        }

    def _steps(self) -> tuple[int, int]:
        """Optimiser steps in an epoch and in the run, 0 where that has no end."""
        trainer = self.trainer
        batches = getattr(getattr(trainer, "datamodule", None), "batches_per_epoch", None)
        if batches is None:  # a dataloader of the user's own
            total = trainer.estimated_stepping_batches
            total = 0 if math.isinf(total) else int(total)
            return max(total // max(trainer.max_epochs or 1, 1), 1), total
        per_epoch = max(-(-batches // trainer.accumulate_grad_batches), 1)
        epochs, steps = trainer.max_epochs or 0, trainer.max_steps
        ends = [end for end in (per_epoch * epochs, steps) if end > 0]  # -1 is Lightning's "no end"
        return per_epoch, min(ends, default=0)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Turns summed gradients into those of the mean loss per token, before they are clipped."""
        tokens, nats = self._window, self._window_nats
        self._window, self._window_nats = 0, torch.zeros(())
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        # With float16's loss scaling infinite gradients are usual, and its scaler leaves those steps out.
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        found = broken(nats, [] if scaled else gradients)
        total, wrong = tokens, None
        if self.trainer.world_size > 1:  # all ranks step, or none does
            counts = torch.stack([torch.tensor(tokens, device=self.device), found.to(self.device, torch.int64)])
            dist.all_reduce(counts)
            total, wrong = counts.tolist()
        # Lightning divided the loss by the accumulated batches, and DDP averaged over the ranks.
        factor = self.trainer.accumulate_grad_batches * self.trainer.world_size / max(total, 1)
        torch._foreach_mul_(gradients, factor)
        if wrong is None and self._reads_later(found):
            self._unread.append((self.trainer.global_step + 1, self._place(), found))
            if len(self._unread) >= 64:
                self._settle()
        elif bool(found) if wrong is None else wrong:
            self._refuse(optimizer, nats)
            return
        self._skipped = 0
        self._log_nats = self._log_nats.to(nats.device) + nats
        self._log_tokens += tokens

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Logs the training loss of the steps since the last log."""
        if not self._logs_now():
            return
        self._settle()
        nll = float(self._log_nats) / self._log_tokens
        self._log_nats, self._log_tokens = torch.zeros(()), 0
        self.log_dict({"train/nll": nll, "train/bits": bits(nll)}, on_step=True, on_epoch=False)

    def _logs_now(self) -> bool:
        """Whether the chunk just trained on ended a step whose loss is logged."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return self._window == 0 and self._log_tokens > 0 and self.trainer.global_step % every == 0

    # ----------------------------------------------------------------------------------------- resume

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what every rank carries.

        Raises:
            NonFiniteError: a weight is not finite; the file that would have been overwritten stays.
        """
        self._settle()
        logs_now = self._logs_now()  # callbacks, which write checkpoints, come before the module, which logs
        mine = {
            **self._carried(),
            "random": self._training_random or random_state(),  # in a validation: that from before it
            "log": [0.0, 0] if logs_now else [float(self._log_nats), self._log_tokens],
        }
        found = gather_ranks((mine, self._broken_weight()))
        for _, what in found:
            if what is not None:
                raise diverged(f"after step {self.trainer.global_step}: {what}, so that no checkpoint is written")
        checkpoint["rnnzoo"] = {
            "validation_due": note_validation(self.trainer, checkpoint),
            "ranks": [carried for carried, _ in found],
            "tokens_trained": self.tokens_trained,
            "skipped": self._skipped,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps it until training starts, when devices and generators are in place."""
        self._resume = checkpoint.get("rnnzoo")
        loop = self.trainer.fit_loop.epoch_loop if has_trainer(self) else None
        if loop is not None and self._resume and self._resume.get("validation_due"):
            # After the very last step Lightning would not even begin; `on_validation_end` takes the step back.
            self._lent_step = checkpoint["global_step"] == loop.max_steps
            loop.max_steps += self._lent_step

    def on_train_start(self) -> None:
        """Goes on where the checkpoint was written."""
        self._window, self._window_nats = 0, torch.zeros(())
        self._skipped, self._unread = 0, []
        self._resume_carried({})
        if (optimizer := self._averaging()) is not None and optimizer.swapped:
            optimizer.swap()  # the checkpoint was written in a validation
        self._log_nats, self._log_tokens = torch.zeros(()), 0
        if self.global_rank:  # else dropout would be the same on all ranks, which are seeded alike
            torch.manual_seed(torch.initial_seed() + self.global_rank)
        resume, self._resume = self._resume, None
        if resume is None or self.trainer.ckpt_path is None:  # a new training of weights from a checkpoint
            return
        self.tokens_trained = resume["tokens_trained"]
        self._skipped = resume.get("skipped", 0)
        ranks, rank, world = resume["ranks"], self.global_rank, self.trainer.world_size
        if len(ranks) == world:
            mine = ranks[rank]
            nats, tokens = mine["log"]
        else:  # the same rows, shared among other ranks
            mine = {name: share_rows([carried[name] for carried in ranks], rank, world) for name in self._carried()}
            nats, tokens = (sum(carried["log"][part] for carried in ranks) / world for part in (0, 1))
        self._resume_carried(mine)
        self._log_nats, self._log_tokens = torch.tensor(nats), tokens
        if rank < len(ranks):  # a rank that was not there draws from the seed
            set_random_state(ranks[rank]["random"])

    def _carried(self) -> dict[str, Any]:
        """What else a rank carries from batch to batch, for a checkpoint: states of its rows, packed, by name."""
        return {}

    def _resume_carried(self, carried: dict[str, Any]) -> None:
        """Restores it; an empty dictionary begins everything anew."""


def plain_model(
    model: M | Mapping[str, Any] | Config,
    tokenizer: Tokenizer | Mapping[str, Any] | None,
    kind: type[M],
    config: type[Config],
) -> M:
    """A plain model as it is, to be trained on, or a new one.

    Args:
        model: of the class `kind`, or a `config`. tokenizer: of a new one. kind: the class. config: of its configs.

    Raises:
        ValueError: a new one has no tokenizer.
    """
    if isinstance(model, kind):
        return model.train()
    if tokenizer is None:
        raise ValueError("a new model needs a tokenizer")
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = tokenizer_from_dict(tokenizer)
    built: M = config.from_dict(model, "model").build(tokenizer)  # type: ignore[attr-defined]
    return built
