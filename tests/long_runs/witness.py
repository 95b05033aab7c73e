"""What a run that `launcher` starts did, batch by batch, in a file that outlives it; and where it is to die."""

from __future__ import annotations

import importlib
import os
import signal
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback


class Witness(Callback):
    """Appends a line for each training batch and each validation; numbers to the last bit.

    ``t EPOCH BATCH STEP LOSS RATE ROWS`` (a hash of each row's tokens) and ``v STEP SCORE``. Sends itself a signal at
    ``t EPOCH BATCH``, before that batch is trained on, or at ``v STEP BATCH``, in a validation.

    Args:
        path: the file. end: such a place. number: of the signal.
    """

    def __init__(self, path: Path, end: str, number: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.path, self.end, self.number = path, end, number

    def on_train_batch_start(self, trainer: lightning.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        place = f"t {trainer.current_epoch} {batch_idx}"
        self._die(place)
        if place == os.environ.get("RNNZOO_TEST_NAN"):
            pl_module._carry["train"][0].h[0] = float("nan")

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = float(outputs["loss"].detach()).hex()
        rate = float(trainer.optimizers[0].param_groups[0]["lr"]).hex()
        tokens = getattr(batch, "tokens", None)  # of a chunk; else the sources of pairs
        rows = ",".join(f"{zlib.crc32(row.numpy()):08x}" for row in (batch.src if tokens is None else tokens))
        self._write(f"t {trainer.current_epoch} {batch_idx} {trainer.global_step} {loss} {rate} {rows}")

    def on_validation_batch_start(
        self, trainer: lightning.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._die(f"v {trainer.global_step} {batch_idx}")

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._write(f"v {trainer.global_step} {float(trainer.callback_metrics['val/nll']).hex()}")

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        torch.save(pl_module.state_dict(), f"{self.path}.weights")

    def _die(self, place: str) -> None:
        if place == self.end:
            os.kill(os.getpid(), self.number)

    def _write(self, line: str) -> None:
        os.write(self.file, line.encode() + b"\n")


def prepare() -> None:
    """Imports what a run needs, and leaves out what takes most of a small one's time."""
    for name in ("language_model", "translator"):
        job = importlib.import_module(f"rnnzoo.tasks.{name}.job")
        job.draw_curve = lambda *args: None
    report = importlib.import_module("rnnzoo.tasks.language_model.job")
    report.SAMPLE_TOKENS, report.MORE_TOKENS = 20, 10
    trainer = importlib.import_module("rnnzoo.tasks.trainer")
    parser = trainer.trainer_parser()  # the same for all
    trainer.trainer_parser = lambda: parser
    importlib.import_module("rnnzoo.cli.train")


def attach() -> None:
    """Puts a witness among the callbacks of `rnnzoo.train`, and the end that the environment asks for."""
    training = importlib.import_module("rnnzoo.tasks.training_run")
    usual, rank = training._checkpoints, os.environ["RNNZOO_TEST_RANK"]
    place = os.environ.get("RNNZOO_TEST_END", "")
    if rank not in os.environ.get("RNNZOO_TEST_RANKS", rank).split():  # it is the others that something happens to
        place = ""
        os.environ.pop("RNNZOO_TEST_NAN", None)
        os.environ.pop("RNNZOO_TEST_FULL", None)
    number = int(os.environ.get("RNNZOO_TEST_SIGNAL", signal.SIGKILL))
    seen = Witness(Path(f"seen.{rank}"), place, number)
    training._checkpoints = lambda *args: [seen, *usual(*args)]
    if call := os.environ.get("RNNZOO_TEST_END_IN_WRITE"):
        _die_in_write(int(call))
    if count := os.environ.get("RNNZOO_TEST_FULL"):
        _fill_the_disk(int(count))


def _die_in_write(call: int) -> None:
    """Dies at the n-th of the system calls that writing files takes: before it where n is even, else after it."""
    made = 0

    def deadly(usual: Callable[..., Any]) -> Callable[..., Any]:
        def do(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 2
            if made == call:
                os.kill(os.getpid(), signal.SIGKILL)
            result = usual(*args, **kwargs)
            if made + 1 == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return do

    for module, names in ((os, ("fsync", "replace", "chmod", "fdopen")), (tempfile, ("mkstemp",)), (torch, ("save",))):
        for name in names:
            setattr(module, name, deadly(getattr(module, name)))


def _fill_the_disk(count: int) -> None:
    """After so many checkpoints there is room for a few bytes more."""
    usual, written = torch.save, 0

    def save(value: Any, file: Any, **options: Any) -> None:
        nonlocal written
        if options:  # a tensor is pickled, to be sent to another rank
            return usual(value, file, **options)
        written += 1
        if written > count:
            file.write(b"PK")
            raise OSError(28, "No space left on device")
        return usual(value, file)

    torch.save = save
