"""Checkpoints that a crash cannot damage, that say whether they are whole, and that nothing is executed from.

Beside each ``NAME.ckpt`` lies ``NAME.ckpt.sha256``, in the format of `sha256sum`. It is written before the checkpoint
takes its name, and for as long as an old file may still stand there it names the old one's hash too: whenever a process
is killed, the file under the name fits one of them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn

from rnnzoo.errors import UserError
from rnnzoo.files import read_utf8, sha256_file, write_durably, write_text
from rnnzoo.training.finite import NonFiniteError
from rnnzoo.training.resume import gather_ranks

__all__ = ["BestCheckpoint", "DurableCheckpointIO", "StepCheckpoints", "is_whole", "sidecar"]


def sidecar(path: Path) -> Path:
    """Where the hash of a checkpoint stands."""
    return path.with_name(f"{path.name}.sha256")


def is_whole(path: Path) -> bool:
    """Whether a checkpoint is there as it was written, to the last bit."""
    try:
        return sha256_file(path) in _known(path)
    except (OSError, UserError):  # no such file, or a dangling link
        return False


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint under its name only when all of it is on the disk.

    Lightning stages in the temporary folder, which may be another file system, and does not wait for the disk: a
    process killed in between leaves a truncated file under the final name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Saves `checkpoint` to the file `path`.

        Raises:
            UserError: the disk is full or cannot be written; what was there before is as it was.
        """
        path = Path(path)
        new = ""

        def note(temporary: Path) -> None:
            nonlocal new
            new = sha256_file(temporary)
            _write_hashes(path, [new, *(_known(path) if path.is_file() else [])])

        try:
            write_durably(path, lambda file: torch.save(checkpoint, file), before=note)
            _write_hashes(path, [new])
        except (OSError, RuntimeError) as error:  # torch's writer has errors of its own where the disk is full
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "is the disk full?"
            earlier = any(other != path for other in path.parent.glob("*.ckpt"))
            then = "go on with --resume; the checkpoints before it are whole" if earlier else "begin again"
            raise UserError(f"cannot be written ({reason}): make room and {then}", path=path) from error

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Loads tensors and plain values, and nothing else.

        Raises:
            UserError: the file is missing, damaged or no checkpoint.
        """
        if not Path(path).is_file():
            raise UserError("this checkpoint is missing", path=path)
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises half a dozen kinds, none of which says what is wrong
            message = f"is damaged or no checkpoint ({type(error).__name__}): remove it to go on from an older one"
            raise UserError(message, path=path) from error
        if not isinstance(checkpoint, dict) or not {"state_dict", "pytorch-lightning_version"} <= checkpoint.keys():
            raise UserError("is no checkpoint of a training run", path=path)
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Removes a checkpoint and its hash; the hash last, so that nothing unverified is ever left."""
        Path(path).unlink(missing_ok=True)
        sidecar(Path(path)).unlink(missing_ok=True)


class StepCheckpoints(Checkpoint):
    """Writes ``step-0000200.ckpt`` every so many optimiser steps, and keeps the last few.

    Args:
        folder: where. every: optimiser steps between two. keep: how many stay.
    """

    def __init__(self, folder: Path, every: int, keep: int = 2) -> None:
        super().__init__()
        self.folder, self.every, self.keep = folder, every, keep
        self._saved = -1

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """The step that is resumed from is on the disk."""
        self._saved = trainer.global_step

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves where a step is due."""
        if trainer.global_step % self.every == 0:
            self.save(trainer)

    def save(self, trainer: lightning.Trainer) -> None:
        """Saves this step, if it is not there; all ranks call it."""
        step = trainer.global_step
        if step == self._saved:
            return
        self._saved = step
        path = self.folder / f"step-{step:07}.ckpt"
        _save(trainer, path)
        if trainer.is_global_zero:  # a later one was found damaged and passed over: it is none of the last few
            there = sorted(old for old in self.folder.glob("step-*.ckpt") if old <= path)
            for old in there[: -self.keep]:
                trainer.strategy.remove_checkpoint(old)


class BestCheckpoint(Checkpoint):
    """Writes ``best.ckpt`` after each validation whose score is better than all before.

    Unlike Lightning's it remembers no path, so that a run's folder can be moved.

    Args:
        folder: where. monitor: the score's name. mode: whether the least or the most is best.
    """

    def __init__(self, folder: Path, monitor: str, mode: Literal["min", "max"]) -> None:
        super().__init__()
        self.folder, self.monitor, self.sign = folder, monitor, 1 if mode == "max" else -1
        self.best: float | None = None

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes it up again."""
        self.best = state_dict["best"]

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Saves, if the score is better; one that is not a number never is."""
        score = trainer.callback_metrics.get(self.monitor)
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking or score is None:
            return
        value = float(score)
        if math.isfinite(value) and (self.best is None or self.sign * value > self.sign * self.best):
            self.best = value
            _save(trainer, self.folder / "best.ckpt")


def _save(trainer: lightning.Trainer, path: Path) -> None:
    """Writes a checkpoint; rank 0 alone does, and all ranks fail where it cannot.

    Raises:
        UserError: the disk is full or cannot be written.
    """
    failed = None
    try:
        trainer.save_checkpoint(path)
    except NonFiniteError:  # on all ranks, before anything was written
        raise
    except UserError as error:
        if trainer.world_size == 1:
            raise
        failed = str(error)
        trainer.strategy.barrier()  # the others wait in `save_checkpoint`
    for reason in gather_ranks(failed):
        if reason is not None:
            raise UserError(reason)


def _known(path: Path) -> list[str]:
    """The hashes that a checkpoint may have."""
    place = sidecar(path)
    try:
        return [line.split()[0] for line in read_utf8(place).splitlines() if line.split()]
    except UserError:
        return []


def _write_hashes(path: Path, hashes: list[str]) -> None:
    write_text(sidecar(path), "".join(f"{digest}  {path.name}\n" for digest in dict.fromkeys(hashes)))
