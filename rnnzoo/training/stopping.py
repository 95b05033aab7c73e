"""Stopping when told to, between two optimiser steps, on all ranks at the same one."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, NoReturn

import lightning
import torch.distributed as dist
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch._C._distributed_c10d import Store

from rnnzoo.training.internals import default_store, ignore_signals

__all__ = ["OtherRankEnded", "StopInValidation", "StopOnSignal", "Stopped"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""SIGUSR1 is what SLURM can send some time before it kills a job."""

_IN_TRAINING, _IN_VALIDATION = "rnnzoo/stop", "rnnzoo/stop-validation"  # keys of the store


class Stopped(SystemExit):
    """Training was stopped by a signal, after it saved where it stands.

    Attributes:
        signal: its number. code: of the exit: 130 after Ctrl-C, else 143.
    """

    def __init__(self, number: int) -> None:
        super().__init__(130 if number == signal.SIGINT else 143)
        self.signal = number


class OtherRankEnded(SystemExit):
    """All ranks end; this one leaves it to rank 0 to say why.

    Lightning kills rank 0 as soon as a process that it started itself ends with another code than 0, and rank 0 may
    still have something to do. Only Lightning sees that code.

    Args:
        trainer: of this rank. code: what it would end with.
    """

    def __init__(self, trainer: lightning.Trainer, code: Any) -> None:
        environment = getattr(trainer.strategy, "cluster_environment", None)
        super().__init__(0 if isinstance(environment, LightningEnvironment) else code)


class StopOnSignal(Checkpoint):
    """Saves a checkpoint and ends training after an optimiser step when a signal has come to any rank.

    One rank alone stops after the step under way. Several agree without a collective operation, which could hang where
    they are at different places: the rank that was told leaves word, in the store that they met in, that all stop after
    the *next* step. None of them can finish that one before the word is there, since it takes the gradients of all. A
    second signal is obeyed at once.

    A `Checkpoint`, so that Lightning calls it after all other callbacks. Goes with `StopInValidation`.

    Args:
        saver: called with the trainer to write a checkpoint, if none of this step is there.
    """

    def __init__(self, saver: Any) -> None:
        super().__init__()
        self.saver = saver
        self.received = 0
        self._step = 0
        self._before: dict[int, Any] = {}

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Listens from now on, in Lightning's place, whose handler would itself wait for the other ranks."""
        self.received = 0
        ignore_signals(trainer)
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """The step that is resumed from is behind."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Between two optimiser steps: saves and stops, if told to."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        number = self.received
        if (store := _store(trainer)) is not None:
            if number:
                _leave_word(store, _IN_TRAINING, f"{self._step + 1} {int(number)}")
            after, number = map(int, _word(store, _IN_TRAINING, "0 0"))
            number = number if self._step >= after else 0
        if number:
            self.saver.save(trainer)
            _end(trainer, number)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Leaves the signals to whoever had them before; one that came with the last step is obeyed here."""
        self._restore()
        if self.received:
            raise Stopped(self.received)

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Leaves the signals to whoever had them before."""
        self._restore()

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """The same, where nothing was trained."""
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            self._restore()
            raise KeyboardInterrupt
        self.received = number

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class StopInValidation(Callback):
    """Ends a validation, which may take long, when a signal has come to any rank; nothing of it is kept.

    What a resumed run repeats are the steps since the last checkpoint. Ranks are at different batches, and some may
    have read all of theirs and wait for the score of the others. So the rank that was told leaves word, reads no more
    batches and goes to the score as well; behind that all of them find the word.

    Stands before the callbacks that read the score, which is of a part of the text then.

    Args:
        told: knows of the signal.
    """

    def __init__(self, told: StopOnSignal) -> None:
        super().__init__()
        self.told = told

    def on_validation_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        """Leaves out the batches that are still to come."""
        store, number = _store(trainer), self.told.received
        if store is None:
            if number:
                raise Stopped(number)
            return
        if number:
            _leave_word(store, _IN_VALIDATION, str(int(number)))
        if self._found(store):
            raise StopIteration  # the validation's loop takes it for the end of the batches

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Ends here, on all ranks."""
        store = _store(trainer)
        if store is not None and (number := self._found(store)):
            _end(trainer, number)

    def _found(self, store: Store) -> int:
        """The signal, also one that would have been obeyed after the next step."""
        return int(_word(store, _IN_VALIDATION, "0")[0]) or int(_word(store, _IN_TRAINING, "0 0")[1])


def _end(trainer: lightning.Trainer, number: int) -> NoReturn:
    """All ranks come here together; the store goes with rank 0, which may not end before all have read the word."""
    trainer.strategy.barrier()
    raise Stopped(number)


def _store(trainer: lightning.Trainer) -> Store | None:
    """Where the ranks met; None where there is one alone."""
    if trainer.world_size == 1 or not dist.is_initialized():
        return None
    return default_store()


def _leave_word(store: Store, key: str, word: str) -> None:
    store.compare_set(key, "", word)  # the first counts; it has an answer, so that the word is there on return


def _word(store: Store, key: str, none: str) -> list[str]:
    return (store.get(key).decode() if store.check([key]) else none).split()
