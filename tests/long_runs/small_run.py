"""Small runs for `launcher`: their recipes, and whether two runs were the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import small_lm
import small_pairs
import small_texts
import torch

from rnnzoo.zoo import read_metrics

BATCHES = 9  # in an epoch
EVERY = 2
"""Optimiser steps between two checkpoints."""

LANGUAGE_MODEL = """
task: char_lm
data: {files: [text.txt], streams: 4, chunk_len: 12, random_phase: true, eval_streams: 2}
model:
  embedding_dim: 6
  backbone: {cell: lstm, hidden_size: 8}
optimizer: {name: adamw, lr: 1e-2}
schedule: {name: one_cycle}
trainer:
  {max_epochs: 2, accelerator: cpu, gradient_clip_val: 1.0, log_every_n_steps: 2, enable_progress_bar: false}
checkpoint_every: 2
"""

TRANSLATOR = """
task: translator
data:
  {files: [pairs.src, pairs.tgt], src: xx, tgt: yy, tokenizer: {name: char}, batch_tokens: 200}
model:
  embedding_dim: 6
  encoder: {cell: gru, hidden_size: 6, hidden_dropout: 0.2}
  decoder: {cell: gru, hidden_size: 6, hidden_dropout: 0.2}
optimizer: {name: adamw, lr: 1e-2}
schedule: {name: one_cycle}
search: {beam: 1}
trainer:
  {max_epochs: 2, accelerator: cpu, gradient_clip_val: 1.0, log_every_n_steps: 2, enable_progress_bar: false}
checkpoint_every: 2
"""

CLASSIFIER = """
task: classifier
data: {files: [texts.csv], tokenizer: {name: char}, batch_tokens: 100, test_part: true}
model: {embedding_dim: 6, backbone: {cell: gru, hidden_size: 6}, output_dropout: 0.3, pooling: [last, mean]}
optimizer: {name: adamw, lr: 1e-2}
schedule: {name: one_cycle}
trainer:
  {max_epochs: 2, accelerator: cpu, gradient_clip_val: 1.0, log_every_n_steps: 2, enable_progress_bar: false}
checkpoint_every: 2
"""


def prepare(folder: Path, recipe: str = LANGUAGE_MODEL) -> Path:
    """A folder with ``small.yaml`` and what it reads."""
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(recipe)
    if "char_lm" in recipe:
        small_lm.write_text(folder / "text.txt", 480)
    elif "classifier" in recipe:
        small_texts.write(folder, 80)
    else:
        small_pairs.write(folder, 80)
    return folder


def words(settings: Mapping[str, Any] | None = None, *more: str, ranks: int = 1) -> list[str]:
    """The command that trains it."""
    given = dict(settings or {})
    if ranks > 1:
        given |= {"trainer.devices": ranks, "trainer.strategy": "ddp"}
    return ["train", "small.yaml", *more, *(word for key, value in given.items() for word in (f"--{key}", str(value)))]


def seen(folder: Path, rank: int = 0) -> list[list[str]]:
    """The lines of a rank's witness; a last one that was cut off is left out."""
    path = folder / f"seen.{rank}"
    return [line.split() for line in path.read_text().split("\n")[:-1]] if path.exists() else []


def steps(lines: list[list[str]]) -> list[int]:
    """The optimiser steps in them."""
    return [int(line[3]) for line in lines if line[0] == "t"]


def by_place(lines: list[list[str]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What was seen where; what was seen there twice must be the same to the last bit."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for line in lines:
        length = 3 if line[0] == "t" else 2
        place, what = tuple(line[:length]), tuple(line[length:])
        assert found.setdefault(place, what) == what, f"{place} was {found[place]}, is now {what}"
    return found


def same(folder: Path, straight: Path, ranks: int = 1) -> None:
    """Every loss and score of `folder`'s run, on every rank, is that of one that was never stopped; so are weights."""
    for rank in range(ranks):
        assert by_place(seen(folder, rank)) == by_place(seen(straight, rank)), f"rank {rank}"
        ours, theirs = (torch.load(place / f"seen.{rank}.weights", weights_only=True) for place in (folder, straight))
        assert ours.keys() == theirs.keys()
        assert all(ours[name].equal(theirs[name]) for name in ours)
    one, other = (read_metrics(run_of(place)) for place in (folder, straight))
    assert one["scores"] == other["scores"]
    assert one["training"]["steps"] == other["training"]["steps"]
    assert one["training"]["tokens"] == other["training"]["tokens"]


def run_of(folder: Path) -> Path:
    """The newest run in a folder that `prepare` made."""
    return max((folder / "runs" / "small").glob("*/run.json"), key=lambda path: int(path.parent.name)).parent
