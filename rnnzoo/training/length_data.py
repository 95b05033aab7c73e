"""Data modules whose batches are of like length: from a checkpoint any number of ranks goes on."""

from __future__ import annotations

from typing import Any, TypeVar

import lightning

from rnnzoo.data.labelled import LabelledCorpus
from rnnzoo.data.like_length import LengthLoader
from rnnzoo.data.pairs import PairCorpus
from rnnzoo.training.text_data import Section, TextData

__all__ = ["LengthData"]

S = TypeVar("S", bound=Section)
T = TypeVar("T", PairCorpus, LabelledCorpus)
L = TypeVar("L", bound=LengthLoader[Any, Any])


class LengthData(TextData[S, T, L]):
    """Base of data modules whose loaders are `LengthLoader`s."""

    def go_on(self, loader: L, position: dict[str, int]) -> None:
        super().go_on(loader, position)
        if position.get("ranks", loader.world_size) != loader.world_size:
            _recount(loader, self.trainer)

    def state_dict(self) -> dict[str, Any]:
        """Where the training batches stand, in what, and of how many ranks the run was."""
        state = super().state_dict()
        return state | {"ranks": self.world_size} if state else {}


def _recount(loader: LengthLoader[Any, Any], trainer: lightning.Trainer | None) -> None:
    """Tells the trainer how many of this rank's batches are behind, where a checkpoint was of other ranks.

    Lightning ends an epoch by a count of its own, which a checkpoint holds in batches of a rank.
    """
    if trainer is None:
        return
    current: Any = trainer.fit_loop.epoch_loop.batch_progress.current  # typed as a base class of what it is
    unfinished = current.ready - current.completed  # a checkpoint that was written at the end of a training step
    behind = len(loader) if loader.limit is None else loader.limit
    if loader.next_batch or not current.ready:  # else the epoch was at its end
        behind -= loader.remaining
    for name in ("ready", "started", "processed"):
        setattr(current, name, behind)
    current.completed = behind - unfinished
