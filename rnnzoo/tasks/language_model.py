"""Training a language model: the part that character and word models share."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import lightning
import torch
import torch.distributed as dist
from lightning.pytorch.trainer.states import TrainerFn

from rnnzoo import state as states
from rnnzoo.data.streams import Chunk
from rnnzoo.errors import UserError
from rnnzoo.metrics import bits, perplexity
from rnnzoo.metrics.running import NLL
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.models.scoring import Scores
from rnnzoo.shapes import Float, Tensor
from rnnzoo.state import State
from rnnzoo.text import Tokenizer, tokenizer_from_dict
from rnnzoo.training.nt_asgd import NTASGD
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.regularization import RegularizationConfig
from rnnzoo.training.resume import gather_ranks, pack_state, random_state, set_random_state, unpack_state
from rnnzoo.zoo import Published, load, push_to_hub, save_folder

__all__ = ["LanguageModelTask"]


class LanguageModelTask(lightning.LightningModule):
    """A LightningModule around a plain `LanguageModel`; works in any `lightning.Trainer`.

    Its batches are `Chunk`s. The state is carried from each to the next and cut off there (truncated
    backpropagation through time); training and validation carry their own. The loss is the sum over a chunk's
    tokens, and before each optimiser step gradients are divided by the tokens they were summed over, on all ranks and
    in all accumulated chunks, so that no split of a batch changes them.

    Logged: ``train/nll``, ``val/nll``, ``test/nll`` (nats per token) with their ``ppl`` and ``bits``.

    Args:
        model: a model to train further, or the config of a new one.
        tokenizer: the vocabulary; comes with the model where that is given.
        optimizer: how gradients become updates. schedule: how the learning rate moves.
        regularization: penalties in training beside the loss.
    """

    def __init__(
        self,
        model: LanguageModel | LanguageModelConfig | Mapping[str, Any],
        tokenizer: Tokenizer | Mapping[str, Any] | None = None,
        optimizer: OptimizerConfig | Mapping[str, Any] | str = "adamw",
        schedule: ScheduleConfig | Mapping[str, Any] | str = "constant",
        regularization: RegularizationConfig | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if isinstance(model, LanguageModel):
            self.model = model.train()
        else:
            if tokenizer is None:
                raise ValueError("a new model needs a tokenizer")
            if not isinstance(tokenizer, Tokenizer):
                tokenizer = tokenizer_from_dict(tokenizer)
            self.model = LanguageModelConfig.from_dict(model, "model").build(tokenizer)
        self.optimizer_config = OptimizerConfig.from_dict(optimizer, "optimizer")
        self.schedule_config = ScheduleConfig.from_dict(schedule, "schedule")
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
        self.tokens_trained = 0
        self._carry: dict[str, State | None] = {"train": None, "val": None, "test": None}
        self._window = 0  # tokens since the last optimiser step
        self._scale = 1.0  # of the learning rate, from the chunk under way
        self._log_nats, self._log_tokens = torch.zeros(()), 0  # since the last logged step
        self.val_score, self.test_score = NLL(), NLL()  # of the evaluation under way
        self._resume: dict[str, Any] | None = None
        self._training_random: dict[str, Any] | None = None

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
            options: `optimizer`, `schedule` and `regularization`.
        """
        hub = {"revision": revision, "token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        return cls(load(model, kind=LanguageModel, dtype=dtype, **hub), **options)  # type: ignore[arg-type]

    def generate(self, prompt: str = "", **options: Any) -> list[str]:
        """Texts that continue `prompt`; see `LanguageModel.generate`."""
        return self.model.generate(prompt, **options)

    def score(self, text: str, **options: Any) -> Scores:
        """How well the model predicts `text`; see `LanguageModel.score`."""
        return self.model.score(text, **options)

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

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The plain model's forward: tokens (B, T) to logits (B, T, V) and the new state."""
        logits: tuple[Tensor, State] = self.model(tokens, state)
        return logits

    # ------------------------------------------------------------------------------------------ steps

    def training_step(self, batch: Chunk, batch_idx: int) -> Float[Tensor, ""]:
        """The summed loss of a chunk, in nats, with the penalties; what is logged is without them."""
        features, dropped = self._features(batch, "train")
        nats = self.model.nll_of(dropped, batch.targets)
        self._window += batch.num_targets
        self.tokens_trained += batch.num_targets
        self._log_nats = self._log_nats.to(nats.device) + nats.detach()
        self._log_tokens += batch.num_targets
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

    def configure_optimizers(self) -> Any:
        """The optimiser, and the schedule over all steps of the run."""
        optimizer = self.optimizer_config.build(self.model.named_parameters())
        per_epoch, total = self._steps()
        return {
            "optimizer": optimizer,
            "lr_scheduler": self.schedule_config.build(optimizer, per_epoch, total),
        }

    def _steps(self) -> tuple[int, int]:
        """Optimiser steps in an epoch and in the run, 0 where that has no end."""
        trainer = self.trainer
        chunks = getattr(getattr(trainer, "datamodule", None), "chunks_per_epoch", None)
        if chunks is None:  # a dataloader of the user's own
            total = trainer.estimated_stepping_batches
            total = 0 if math.isinf(total) else int(total)
            return max(total // max(trainer.max_epochs or 1, 1), 1), total
        per_epoch = max(-(-chunks // trainer.accumulate_grad_batches), 1)
        epochs, steps = trainer.max_epochs or 0, trainer.max_steps
        ends = [end for end in (per_epoch * epochs, steps) if end > 0]  # -1 is Lightning's "no end"
        return per_epoch, min(ends, default=0)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """A step at the learning rate that suits the chunk's length, see `Chunk.scale`."""
        groups = optimizer.param_groups
        rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] *= self._scale
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Turns summed gradients into those of the mean loss per token, before they are clipped."""
        tokens, self._window = self._window, 0
        if self.trainer.world_size > 1:
            total = torch.tensor(tokens, device=self.device)
            dist.all_reduce(total)
            tokens = int(total)
        # Lightning divided the loss by the accumulated batches, and DDP averaged over the ranks.
        factor = self.trainer.accumulate_grad_batches * self.trainer.world_size / max(tokens, 1)
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        torch._foreach_mul_(gradients, factor)

    def on_train_batch_end(self, outputs: Any, batch: Chunk, batch_idx: int) -> None:
        """Logs the training loss of the steps since the last log."""
        if not self._logs_now():
            return
        nll = float(self._log_nats) / self._log_tokens
        self._log_nats, self._log_tokens = torch.zeros(()), 0
        if not math.isfinite(nll):  # from here on no weight is a number, which Lightning does not mind
            raise UserError(
                f"the training loss is no longer finite at step {self.trainer.global_step}: lower optimizer.lr, or "
                "set trainer.gradient_clip_val"
            )
        self.log_dict({"train/nll": nll, "train/bits": bits(nll)}, on_step=True, on_epoch=False)

    def _logs_now(self) -> bool:
        """Whether the chunk just trained on ended a step whose loss is logged."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return self._window == 0 and self._log_tokens > 0 and self.trainer.global_step % every == 0

    # ------------------------------------------------------------------------------------- evaluation

    def on_validation_model_zero_grad(self) -> None:
        """The first hook of a validation: a dataloader may draw random numbers before `on_validation_start`."""
        self._training_random = random_state()
        super().on_validation_model_zero_grad()

    def on_validation_start(self) -> None:
        """Validation leaves the training's random state alone."""
        if self._training_random is None:  # in the middle of an accumulation there is no hook before this one
            self._training_random = random_state()
        if (optimizer := self._averaging()) is not None:
            optimizer.swap()  # the mean of the weights is validated, and kept where it is the best

    def on_validation_end(self) -> None:
        """See `on_validation_start`."""
        if (optimizer := self._averaging()) is not None and optimizer.swapped:
            optimizer.swap()
        if self._training_random is not None:
            set_random_state(self._training_random)
            self._training_random = None

    def on_train_batch_start(self, batch: Chunk, batch_idx: int) -> None:
        """Drops what a validation that was skipped has left behind."""
        self._training_random = None
        self._scale = batch.scale

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
        self._carry[split] = None
        self._metric(split).reset()

    def _log_score(self, split: str) -> float:
        nll = float(self._metric(split).compute())  # over all ranks
        scores = {"nll": nll, "ppl": perplexity(nll), "bits": bits(nll)}
        logged = {f"{split}/{name}": torch.tensor(value, dtype=torch.float64) for name, value in scores.items()}
        self.log_dict(logged, sync_dist=self.trainer.world_size > 1)  # equal on all ranks; else Lightning warns
        self._begin_score(split)
        return nll

    # ----------------------------------------------------------------------------------------- resume

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what every rank carries."""
        logs_now = self._logs_now()  # callbacks, which write checkpoints, come before the module, which logs
        mine = {
            "carry": pack_state(self._carry["train"]),
            "random": self._training_random or random_state(),  # in a validation: that from before it
            "log": [0.0, 0] if logs_now else [float(self._log_nats), self._log_tokens],
        }
        checkpoint["rnnzoo"] = {"ranks": gather_ranks(mine), "tokens_trained": self.tokens_trained}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps it until training starts, when devices and generators are in place."""
        self._resume = checkpoint.get("rnnzoo")

    def on_train_start(self) -> None:
        """Goes on where the checkpoint was written."""
        self._carry["train"], self._window = None, 0
        if (optimizer := self._averaging()) is not None and optimizer.swapped:
            optimizer.swap()  # the checkpoint was written in a validation
        self._log_nats, self._log_tokens = torch.zeros(()), 0
        resume, self._resume = self._resume, None
        if resume is None or self.trainer.ckpt_path is None:  # a new training of weights from a checkpoint
            return
        self.tokens_trained = resume["tokens_trained"]
        ranks = resume["ranks"]
        if len(ranks) != self.trainer.world_size:
            return  # other ranks, other streams: the carried states do not fit them
        mine = ranks[self.global_rank]
        self._carry["train"] = unpack_state(mine["carry"], self.model.initial_state(1), self.device)
        self._log_nats, self._log_tokens = torch.tensor(mine["log"][0]), mine["log"][1]
        set_random_state(mine["random"])
