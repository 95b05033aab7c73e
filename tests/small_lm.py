"""Language models small enough to train in a test, and the trainers to do it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

from rnnzoo.data.streams import Chunk, StreamLoader, TokenStreams
from rnnzoo.tasks import CharLM
from rnnzoo.training import DurableCheckpointIO, StreamData

FILTERS = (
    # lightning 2.6 on torch 2.13, whoever uses it; `rnnzoo.train` has its own filter
    "ignore:`isinstance.treespec, LeafSpec.` is deprecated",
    # advice that a test of a few batches has no use for
    "ignore:The '.*_dataloader' does not have many workers",
    "ignore:You defined a `validation_step` but have no `val_dataloader`",
    "ignore:The number of training batches .* is smaller than the logging interval",
    "ignore:Checkpoint directory .* exists and is not empty",
)
"""Warnings of Lightning's own, in tests that use a plain trainer."""

MODEL: dict[str, Any] = {
    "embedding_dim": 6,
    "input_dropout": 0.1,
    "output_dropout": 0.2,
    "backbone": {"cell": "lstm", "hidden_size": 8, "num_layers": 2, "hidden_dropout": 0.3},
}


def write_text(path: Path, characters: int = 2000, alphabet: str = "abcdefgh ,.\n", seed: int = 0) -> Path:
    """Text with something to learn in it: after a letter comes one of two others."""
    draw = random.Random(seed)
    place, text = 0, []
    for _ in range(characters):
        text.append(alphabet[place])
        place = (2 * place + draw.randrange(2)) % len(alphabet)
    path.write_text("".join(text), encoding="utf-8", newline="")
    return path


def environment(*paths: Path, **variables: str) -> dict[str, str]:
    """The environment of a process that a test starts: the package of this checkout, the helpers, one thread."""
    here = Path(__file__).resolve().parent
    found = [str(path) for path in (here.parent, here, *paths)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(found), "OMP_NUM_THREADS": "1", **variables}


def stream_data(path: Path, **fields: Any) -> StreamData:
    given = {"files": [str(path)], "streams": 4, "chunk_len": 10, "eval_streams": 2} | fields
    return StreamData(given, seed=3)


def task(data: StreamData, model: dict[str, Any] | None = None, **options: Any) -> CharLM:
    torch.manual_seed(7)
    return CharLM(model or MODEL, data.tokenizer, **{"optimizer": {"name": "adamw", "lr": 0.01}, **options})


class Losses(Callback):
    """The loss of each chunk as it is, to the last bit, and the learning rates."""

    def __init__(self) -> None:
        self.nats: list[str] = []
        self.rates: list[float] = []
        self.chunks: list[tuple[int, int]] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Chunk, batch_idx: int
    ) -> None:
        loss = float(outputs["loss"].detach()) * trainer.accumulate_grad_batches
        self.nats.append(loss.hex())
        self.chunks.append((trainer.current_epoch, batch.number))
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def trainer(*callbacks: Callback, **options: Any) -> lightning.Trainer:
    """A plain `lightning.Trainer`, quiet, on the CPU."""
    given = {
        "max_epochs": 1,
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 5,
        "plugins": [DurableCheckpointIO()],
    } | options
    if any(isinstance(callback, Checkpoint) for callback in callbacks):
        given["enable_checkpointing"] = True
    return lightning.Trainer(callbacks=list(callbacks), **given)


class Chunks:
    """Chunks of one's own, as a dataloader."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks

    def __len__(self) -> int:
        return len(self.chunks)

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self.chunks)


def chunks(data: StreamData, split: str = "train", streams: int = 4, chunk_len: int = 10) -> Chunks:
    return Chunks(list(StreamLoader(TokenStreams(data.ids(split), streams), chunk_len)))
