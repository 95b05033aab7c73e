"""Steps whose loss or gradient is not finite are never taken, and weights that are not finite are never saved."""

from __future__ import annotations

import math
import warnings
from typing import Any

import lightning
import torch
from torch import nn

from rnnzoo.shapes import Tensor
from rnnzoo.training.finite import IN_A_ROW, NonFiniteError, OnNonFinite, SkippedStep, first_broken
from rnnzoo.training.internals import has_trainer
from rnnzoo.training.resume import gather_ranks

__all__ = ["FiniteSteps", "diverged"]


class FiniteSteps(lightning.LightningModule):
    """What a task does about losses, gradients and weights that are not finite.

    Attributes:
        model: what is trained. on_nonfinite: ``"stop"`` or ``"skip"``.
    """

    model: nn.Module
    on_nonfinite: OnNonFinite = "stop"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._skipped = 0  # steps, one after the other
        self._unread: list[tuple[int, str, torch.Tensor]] = []  # steps of which the host does not know yet

    def _refuse(self, optimizer: torch.optim.Optimizer, nats: Tensor) -> None:
        """Ends training, or sees to it that this step changes nothing; all ranks come here together."""
        what = self._culprit(nats)
        place = f"step {self.trainer.global_step + 1} ({self._place()})"
        self._skipped += 1
        if self.on_nonfinite == "stop":
            raise diverged(f"{place}: {what}")
        if what.startswith("weight") or self._skipped > IN_A_ROW:  # later steps would be like this one
            raise diverged(f"{place}: {what}, after {self._skipped - 1} skipped steps", skip=False)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None  # optimisers pass over it
        self._forget_broken()
        if self.trainer.is_global_zero:
            warnings.warn(f"{place} is skipped: {what}", SkippedStep, stacklevel=2)

    def _culprit(self, nats: Tensor) -> str:
        """What is not finite, on whichever rank."""
        weight = first_broken(self.model.named_parameters())
        gradient = first_broken((name, parameter.grad) for name, parameter in self.model.named_parameters())
        loss = None if math.isfinite(float(nats)) else f"is {float(nats)}"
        found = gather_ranks((weight, loss, gradient))
        for kind, name in enumerate(("weight ", "the loss", "the gradient of ")):  # a weight explains the others
            for rank, broken_there in enumerate(found):
                if broken_there[kind] is not None:
                    of_rank = f" of rank {rank} " if len(found) > 1 else " "
                    return f"{name}{of_rank if kind == 1 else ''}{broken_there[kind]}"
        return "the loss or a gradient is not finite"

    def _place(self) -> str:
        """Where in the data the step under way stands."""
        return f"batch {self.trainer.fit_loop.batch_idx + 1} of epoch {self.trainer.current_epoch + 1}"

    def _reads_later(self, wrong: Tensor) -> bool:
        """Whether the host goes on without waiting for the device; before anything is saved it looks."""
        return wrong.is_cuda and self.on_nonfinite == "stop"

    def _settle(self) -> None:
        """Reads what a GPU found of the steps since the last time, in one go.

        Raises:
            NonFiniteError: one of them was not finite.
        """
        unread, self._unread = self._unread, []
        found = torch.stack([wrong for *_, wrong in unread]).tolist() if unread else []
        for (step, place, _), wrong in zip(unread, found, strict=True):
            if wrong:
                raise diverged(f"step {step} ({place}): the loss or a gradient is not finite")

    def _forget_broken(self) -> None:
        """After a step that was skipped: what is carried and is not a number would spoil the next one, too."""

    def _broken_weight(self) -> str | None:
        """The first weight, or number of the optimiser, that is not finite."""
        optimizers = self.trainer.optimizers if has_trainer(self) else []
        states = (
            (f"the optimiser's {name}", value)
            for optimizer in optimizers
            for state in optimizer.state.values()
            for name, value in state.items()
            if isinstance(value, Tensor)
        )
        weight = first_broken(self.model.named_parameters())
        return f"weight {weight}" if weight is not None else first_broken(states)

    def on_train_end(self) -> None:
        """The last steps have no loss after them that would tell."""
        self._settle()
        if (what := self._broken_weight()) is not None:  # weights are the same on all ranks
            raise diverged(f"after step {self.trainer.global_step}, the last: {what}")


def diverged(what: str, *, skip: bool = True) -> NonFiniteError:
    """What to say, and what to try."""
    over = ", or go over such steps with --resume --on_nonfinite skip" if skip else ""
    return NonFiniteError(
        f"{what}: lower optimizer.lr, set trainer.gradient_clip_val{over}; the checkpoints are from before it"
    )
