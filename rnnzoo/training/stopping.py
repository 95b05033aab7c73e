"""Stopping when told to, between two optimiser steps, on all ranks at the same one."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import lightning
import torch.distributed as dist
from lightning.pytorch.callbacks import Checkpoint

__all__ = ["StopOnSignal", "Stopped"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""SIGUSR1 is what SLURM can send some time before it kills a job."""

_KEY = "rnnzoo/stop"


class Stopped(SystemExit):
    """Training was stopped by a signal, after it saved where it stands.

    Attributes:
        signal: its number. code: of the exit: 130 after Ctrl-C, else 143.
    """

    def __init__(self, number: int) -> None:
        super().__init__(130 if number == signal.SIGINT else 143)
        self.signal = number


class StopOnSignal(Checkpoint):
    """Saves a checkpoint and ends training after the optimiser step under way when a signal has come to any rank.

    The ranks agree without a collective operation, which could hang where they are at different places: the rank that
    was told leaves word in the store that they met in. No other rank can have finished a later step, since that takes
    the gradients of all, so all find the word after the same step. In a validation each rank ends on its own; what it
    repeats are the batches since the last checkpoint. A second signal is obeyed at once.

    A `Checkpoint`, so that Lightning calls it after all other callbacks.

    Args:
        saver: called with the trainer to write a checkpoint, if none of this step is there.
    """

    def __init__(self, saver: Any) -> None:
        super().__init__()
        self.saver = saver
        self._received = 0
        self._step = 0
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Listens from now on; Lightning's own handler would wait for the other ranks in the handler itself."""
        self._received, self._step = 0, trainer.global_step
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Between two optimiser steps: saves and stops, if told to."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if number := self._told(trainer):
            self.saver.save(trainer)
            raise Stopped(number)

    def on_validation_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """In a validation, which may take long."""
        if number := self._told(trainer):
            raise Stopped(number)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Leaves the signals to whoever had them before."""
        self._restore()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """The same."""
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received:
            self._restore()
            raise KeyboardInterrupt
        self._received = number

    def _told(self, trainer: lightning.Trainer) -> int:
        """The signal that this rank or another one got; 0 for none."""
        if trainer.world_size == 1 or not dist.is_initialized():
            return self._received
        store = dist.distributed_c10d._get_default_store()
        if self._received:
            store.set(_KEY, str(int(self._received)))
        return int(store.get(_KEY)) if store.check([_KEY]) else 0

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
