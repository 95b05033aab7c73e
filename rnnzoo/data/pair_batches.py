"""Pairs of sentences in batches of like length.

Pairs are sorted by length, target first, and cut into batches of at most `batch_tokens`: rows times the longest side
with its boundary. The batches come in a random order, another one in each epoch, and so do pairs of equal lengths
among them. A batch is one of the whole training, whatever the number of ranks: each takes every n-th row of it, so
that 1, 2 or 8 ranks take the same steps and see each pair exactly once in an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.data.sentence_ids import SentenceIds
from rnnzoo.data.streams import IGNORED
from rnnzoo.errors import UserError
from rnnzoo.shapes import Int, Tensor

__all__ = ["EncodedPairs", "PairBatch", "PairLoader"]

Rows = npt.NDArray[np.int64]


class PairBatch(NamedTuple):
    """Some pairs. The boundary, an id behind the vocabulary of its side, ends sentences and begins the decoder's input.

    Attributes:
        src: (B, S) int64, each row ended by the source's boundary and filled with it. src_lengths: with one boundary.
        tgt: (B, T) what the decoder reads: the target's boundary, then the ids.
        targets: (B, T) what it is to say: the ids, then the boundary; `IGNORED` behind.
        indices: which pair of its part each row is; -1 for a row that only keeps a rank busy, and has no targets.
        num_targets: targets that are not ignored.
    """

    src: Int[Tensor, "B S"]
    src_lengths: Int[Tensor, "B"]
    tgt: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    indices: Int[Tensor, "B"]
    num_targets: int


class EncodedPairs(NamedTuple):
    """Pairs as ids.

    Attributes:
        src: source sentences. tgt: target sentences, as many.
        src_boundary: the id that ends a source. tgt_boundary: that of the targets.
    """

    src: SentenceIds
    tgt: SentenceIds
    src_boundary: int
    tgt_boundary: int

    def batch(self, rows: Rows) -> PairBatch:
        """The pairs `rows`; of no rows, one that has no targets."""
        if not len(rows):
            one = torch.ones(1, 1, dtype=torch.int64)
            src, tgt = one * self.src_boundary, one * self.tgt_boundary
            return PairBatch(src, one[0], tgt, one * IGNORED, -one[0], 0)
        src, lengths = _gather(self.src, rows, self.src_boundary)
        targets, sizes = _gather(self.tgt, rows, self.tgt_boundary)
        tgt = np.roll(targets, 1, axis=1)
        tgt[:, 0] = self.tgt_boundary
        targets[np.arange(targets.shape[1]) >= sizes[:, None]] = IGNORED
        arrays = (src, lengths, tgt, targets, rows.astype(np.int64))
        return PairBatch(*map(torch.from_numpy, arrays), num_targets=int(sizes.sum()))


def _gather(sentences: SentenceIds, rows: Rows, boundary: int) -> tuple[npt.NDArray[np.int64], Rows]:
    """(B, T) ids, ended and filled with `boundary`; and the lengths with one boundary."""
    starts = sentences.offsets[rows]
    lengths = sentences.offsets[rows + 1] - starts
    steps = np.arange(lengths.max() + 1)
    inside = steps < lengths[:, None]
    found = np.full(inside.shape, boundary, np.int64)
    found[inside] = sentences.ids[(starts[:, None] + steps)[inside]]
    return found, lengths + 1


class PairLoader:
    """Yields one rank's batches, epoch after epoch; `lightning` takes it as a dataloader.

    The order of an epoch depends on the seed and the epoch's number alone. Where it stands is its `state_dict`: loaded
    into a new loader, the next batch is the one that would have come, on any number of ranks.

    Args:
        pairs: all pairs, of all ranks.
        batch_tokens: of a batch, over all ranks: most rows x longest side. A longer pair is a batch by itself.
        rank: which rank this is. world_size: how many there are.
        seed: of the orders.
        limit: batches of an epoch that are read, where the trainer reads no more; the next epoch follows them.
        shuffle: False keeps the order of length, the same in each epoch: for scores.
    """

    def __init__(
        self,
        pairs: EncodedPairs,
        batch_tokens: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
        limit: int | None = None,
        shuffle: bool = True,
    ) -> None:
        if batch_tokens < 1:
            raise UserError(f"batch_tokens must be at least 1, not {batch_tokens}")
        self.pairs, self.batch_tokens = pairs, batch_tokens
        self.rank, self.world_size, self.seed, self.limit, self.shuffle = rank, world_size, seed, limit, shuffle
        self._keys = pairs.src.lengths, pairs.tgt.lengths  # sorted by the last one first
        order = np.lexsort(self._keys)
        self.cuts = _cuts(np.maximum(*self._keys)[order] + 1, batch_tokens)
        self.epoch, self.next_batch = 0, 0
        self._resumed = False

    def __len__(self) -> int:
        """Batches in a whole epoch, the same on each rank."""
        return len(self.cuts) - 1

    def rows(self, epoch: int) -> Iterator[Rows]:
        """The pairs of each batch of an epoch, of all ranks, in their order."""
        if self.shuffle:
            random = np.random.default_rng((self.seed, epoch))
            drawn = random.permutation(len(self.pairs.src))
            order = drawn[np.lexsort([key[drawn] for key in self._keys])]
            numbers = random.permutation(len(self))
        else:
            order, numbers = np.lexsort(self._keys), np.arange(len(self))
        for number in numbers:
            yield order[self.cuts[number] : self.cuts[number + 1]]

    def __iter__(self) -> Iterator[PairBatch]:
        if not self._resumed:  # a broken-off epoch is begun again, unless a checkpoint says where it was
            self.next_batch = 0
        self._resumed = False
        epoch, first = self.epoch, self.next_batch
        end = len(self) if self.limit is None else min(len(self), self.limit)
        for index, rows in zip(range(end), self.rows(epoch), strict=False):
            if index < first:
                continue
            batch = self.pairs.batch(rows[self.rank :: self.world_size])
            # Moved on before the batch is handed out: a checkpoint written while it is trained on comes after it.
            self.epoch, self.next_batch = (epoch + 1, 0) if index + 1 == end else (epoch, index + 1)
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The batch that comes next, and its epoch."""
        return {"epoch": self.epoch, "batch": self.next_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where the loader that gave `state` stood."""
        self.epoch, self.next_batch = int(state["epoch"]), int(state["batch"])
        self._resumed = True


def _cuts(lengths: Rows, batch_tokens: int) -> list[int]:
    """Where batches begin, and the end, so that rows times the longest is at most `batch_tokens`."""
    cuts = [0]
    while (start := cuts[-1]) < len(lengths):
        longest = np.maximum.accumulate(lengths[start : start + max(batch_tokens // int(lengths[start]), 1)])
        rows = int(np.count_nonzero(longest * np.arange(1, len(longest) + 1) <= batch_tokens))
        cuts.append(start + max(rows, 1))
    return cuts
