"""Averaged weights of several checkpoints, usually the last of a run.

Vaswani et al. 2017 (arXiv:1706.03762, section 6.1) translate with the mean of a run's last five.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import lightning
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from rnnzoo.errors import UserError
from rnnzoo.training.checkpoint import DurableCheckpointIO

__all__ = ["KeepValidated", "average_state_dicts"]


class KeepValidated(Checkpoint):
    """Keeps the weights of the last few validations, ``validated-0000200.ckpt``, so that they can be averaged.

    Args:
        folder: where. keep: how many.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        super().__init__()
        self.folder, self.keep = folder, keep

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Saves this one's, and removes the oldest that is too many; all ranks call it."""
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        trainer.save_checkpoint(self.folder / f"validated-{trainer.global_step:07}.ckpt", weights_only=True)
        if trainer.is_global_zero:
            for old in self.paths()[: -self.keep]:
                trainer.strategy.remove_checkpoint(old)

    def paths(self) -> list[Path]:
        """Those that are there, the oldest first."""
        return sorted(self.folder.glob("validated-*.ckpt"))


def average_state_dicts(paths: Sequence[str | os.PathLike[str]]) -> dict[str, Tensor]:
    """The mean of the weights of checkpoints, summed in float64; what is not floating-point is that of the last.

    Args:
        paths: checkpoint files of one model; nothing in them is executed.

    Returns:
        A state dictionary like that of each checkpoint, for ``load_state_dict`` of the task that wrote them.

    Raises:
        UserError: there is none, one is missing or damaged, or they are of different models.
    """
    if not paths:
        raise UserError("there are no checkpoints to average")
    total: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    for path in paths:
        weights = DurableCheckpointIO().load_checkpoint(path)["state_dict"]
        if not total:
            total = {name: weight.double() for name, weight in weights.items() if weight.is_floating_point()}
            shapes = {name: weight.shape for name, weight in weights.items()}
            continue
        if {name: weight.shape for name, weight in weights.items()} != shapes:
            raise UserError(f"is of another model than {os.fspath(paths[0])}", path=path)
        total = {name: sum_ + weights[name] for name, sum_ in total.items()}
    means = {name: (sum_ / len(paths)).to(weights[name].dtype) for name, sum_ in total.items()}
    return weights | means
