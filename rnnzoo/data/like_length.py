"""Items of like length as batches, by token count: each once an epoch, in one order for any number of ranks.

Items are sorted by their lengths and cut into batches whose padded size is bounded. Where the cuts are depends on the
lengths alone; which of the items of equal lengths stand where, and the order of the batches, are drawn anew for each
epoch. This one *global* row of batches is what an epoch is. Ranks take turns::

    global       b0 b1 b2 b3 b4 b5 b6
    of 2 ranks   b0    b2    b4    b6
                    b1    b3    b5    (empty)

So as many ranks as there may be train on the same items in the same order, each item once an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rnnzoo.errors import UserError

__all__ = ["Items", "Kinds", "LengthLoader", "Rows"]

Rows = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.unsignedinteger[Any]]

B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)


class Items(Protocol[B_co]):
    """What batches are made of."""

    called: str
    """What they are, for errors."""

    def __len__(self) -> int:
        """How many there are."""

    def kinds(self) -> tuple[Kinds, npt.NDArray[np.int64]]:
        """For each item the place of its lengths among all such lengths, as they are sorted; and its longest length."""

    def batch(self, rows: Rows, seed: tuple[int, ...] | None = None) -> B_co:
        """Those items; the empty batch where there are none.

        Args:
            rows: which ones. seed: of what is drawn of each anew.
        """


I = TypeVar("I", bound=Items[Any])  # noqa: E741


class LengthLoader(Generic[I, B]):
    """Yields one rank's batches, epoch after epoch; `lightning` takes it as a dataloader.

    Where it stands is its `state_dict`, which says nothing of ranks: loaded into a new loader, on however many, the
    next batch of all is the one that would have come.

    Args:
        items: all items of the part, for all ranks.
        batch_tokens: a batch has at most so many rows times its longest item, padding counted; an item that is longer
            by itself is a batch of its own.
        rank: which rank this is. world_size: how many there are.
        seed: of the order.
        limit: batches of an epoch that this rank reads, where the trainer reads no more; the next epoch follows them.
        evaluation: in a fixed order, the shortest first.

    Raises:
        UserError: no items, or `batch_tokens` below 1.
    """

    def __init__(
        self,
        items: I,
        batch_tokens: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
        limit: int | None = None,
        evaluation: bool = False,
    ) -> None:
        if batch_tokens < 1:
            raise UserError(f"batch_tokens must be at least 1, not {batch_tokens}")
        if not len(items):
            raise UserError(f"there are no {items.called} to make batches of")
        self.items, self.batch_tokens, self.evaluation = items, batch_tokens, evaluation
        self.rank, self.world_size, self.seed, self.limit = rank, world_size, seed, limit
        self._kinds, longer = items.kinds()
        self.cuts = _cuts(np.sort(longer), batch_tokens)
        self.epoch, self.next_batch = 0, 0
        self._resumed = False

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch; equal on all of them."""
        return -(-(len(self.cuts) - 1) // self.world_size)

    def batches(self, epoch: int) -> list[Rows]:
        """The items in each of an epoch's batches, over all ranks."""
        if self.evaluation:
            order, turns = np.argsort(self._kinds, kind="stable"), np.arange(len(self.cuts) - 1)
        else:
            random = np.random.default_rng((self.seed, epoch))
            shuffled = random.permutation(len(self.items))
            order = shuffled[np.argsort(self._kinds[shuffled], kind="stable")]
            turns = random.permutation(len(self.cuts) - 1)
        return [order[self.cuts[turn] : self.cuts[turn + 1]] for turn in turns]

    def __iter__(self) -> Iterator[B]:
        if not self._resumed:  # a broken-off epoch is begun again, unless a checkpoint says where it was
            self.next_batch = 0
        self._resumed = False
        epoch, batches, ranks = self.epoch, self.batches(self.epoch), self.world_size
        end = self._end
        for step in range(self.next_batch, end, ranks):
            mine = batches[step + self.rank] if step + self.rank < end else np.empty(0, np.int64)
            # Moved on before the batch is handed out: a checkpoint written while it is trained on comes after it.
            last = step + ranks >= end
            self.epoch, self.next_batch = (epoch + 1, 0) if last else (epoch, step + ranks)
            yield self.items.batch(mine, None if self.evaluation else (self.seed, epoch))

    @property
    def remaining(self) -> int:
        """Batches of this rank that are still to come in the epoch."""
        return -(-(self._end - self.next_batch) // self.world_size)

    @property
    def _end(self) -> int:
        """Batches of an epoch that are read, over all ranks."""
        batches = len(self.cuts) - 1
        return batches if self.limit is None else min(batches, self.limit * self.world_size)

    def state_dict(self) -> dict[str, int]:
        """The batch that comes next, over all ranks, and its epoch."""
        return {"epoch": self.epoch, "batch": self.next_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where the loader that gave `state` stood."""
        self.epoch, self.next_batch = int(state["epoch"]), int(state["batch"])
        if self.next_batch >= self._end:  # other ranks under a limit
            self.epoch, self.next_batch = self.epoch + 1, 0
        self._resumed = True


def _cuts(longer: npt.NDArray[np.int64], batch_tokens: int) -> list[int]:
    """Where batches begin, and the end, for sorted lengths: each is as large as may be."""
    cuts = [0]
    while (start := cuts[-1]) < len(longer):
        window = longer[start : start + max(batch_tokens // int(longer[start]), 1)]
        fits = window * np.arange(1, len(window) + 1) <= batch_tokens  # true, then false
        cuts.append(start + max(int(fits.sum()), 1))
    return cuts
