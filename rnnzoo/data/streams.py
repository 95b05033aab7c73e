"""Truncated backpropagation through time as a property of the data.

A text of N tokens holds N - 1 predictions: of each token but the first. They are divided into `streams` contiguous
parts of nearly equal length, which are read side by side, a chunk at a time. Chunk k + 1 of a stream begins where
chunk k ended, so a network that carries its state from chunk to chunk reads each stream as one text::

    stream 0   To be, or | not to be,| that is th
    stream 1   uffer The | slings and| arrows of
               chunk 0     chunk 1     chunk 2

Every prediction is made exactly once in an epoch, in order, whatever the number of ranks that share the streams.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.errors import UserError
from rnnzoo.shapes import Bool, Int, Tensor

__all__ = ["IGNORED", "Chunk", "StreamLoader", "TokenStreams"]

IGNORED = -100
"""The target where a stream has ended before the longest one."""


class Chunk(NamedTuple):
    """The next steps of some streams.

    Attributes:
        tokens: (B, T) int64. targets: what follows each token, or `IGNORED`.
        reset: True where a stream begins, and the state with it.
        number: the chunk's place in its epoch. num_targets: targets that are not ignored.
        scale: what the learning rate is multiplied with, where chunks are of different length on purpose.
    """

    tokens: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    reset: Bool[Tensor, "B"]
    number: int
    num_targets: int
    scale: float = 1.0


class TokenStreams:
    """A flat row of token ids as parallel streams.

    Args:
        ids: all tokens (N,), in memory or a memmap.
        streams: how many parts.
        what: names the text in error messages.

    Raises:
        UserError: not even one prediction for each stream.
    """

    def __init__(self, ids: npt.NDArray[Any], streams: int, what: str = "text") -> None:
        if streams < 1:
            raise UserError(f"streams must be at least 1, not {streams}")
        if len(ids) <= streams:
            raise UserError(f"{what}: {len(ids):,} tokens are too few for {streams} streams")
        self.ids = ids
        sizes = np.full(streams, (len(ids) - 1) // streams)
        sizes[: (len(ids) - 1) % streams] += 1
        self.sizes: npt.NDArray[np.int64] = sizes
        self.starts: npt.NDArray[np.int64] = np.concatenate(([0], sizes.cumsum()[:-1]))

    def chunk(self, rows: npt.NDArray[np.int64], begin: int, end: int, number: int) -> Chunk:
        """Steps `begin` to `end` of the streams `rows`; a row of -1 has no targets."""
        steps = np.arange(begin, end + 1)
        sizes = np.where(rows < 0, 0, self.sizes[rows])
        places = np.minimum(self.starts[rows][:, None] + steps, len(self.ids) - 1)
        window = self.ids[places].astype(np.int64)
        targets = window[:, 1:].copy()
        targets[steps[None, :-1] >= sizes[:, None]] = IGNORED
        return Chunk(
            tokens=torch.from_numpy(window[:, :-1].copy()),
            targets=torch.from_numpy(targets),
            reset=torch.full((len(rows),), begin == 0),
            number=number,
            num_targets=int(np.clip(sizes - begin, 0, end - begin).sum()),
        )


class StreamLoader:
    """Yields the chunks of one rank's streams, epoch after epoch; `lightning` takes it as a dataloader.

    Where it stands is its `state_dict`: loaded into a new loader, the next chunk is the one that would have come.

    Args:
        streams: all streams, of all ranks.
        chunk_len: T, steps in a chunk; the last one of an epoch may be shorter.
        rank: which rank this is. world_size: how many there are.
        random_phase: each epoch cuts the streams at other places: its first chunk has a random length from 1 to
            `chunk_len`, and its last takes up what that leaves, less than 2 `chunk_len` steps. So the number of
            chunks and what an epoch reads stay the same.
        variable: chunks have random lengths, about `chunk_len`, one in twenty about half of it, other ones in each
            epoch; their number stays the same (Merity et al. 2018, arXiv:1708.02182). A chunk's `scale` is its
            length as a share of `chunk_len`.
        seed: of the phases and lengths.
        limit: chunks of an epoch that are read, where the trainer reads no more; the next epoch follows them.
        evaluation: streams that the ranks do not divide evenly are allowed; a rank that has fewer is given rows
            without targets, so that nothing is counted twice.

    Raises:
        UserError: in training, `streams` is not divisible by the number of ranks.
    """

    def __init__(
        self,
        streams: TokenStreams,
        chunk_len: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        random_phase: bool = False,
        variable: bool = False,
        seed: int = 0,
        limit: int | None = None,
        evaluation: bool = False,
    ) -> None:
        if chunk_len < 1:
            raise UserError(f"chunk_len must be at least 1, not {chunk_len}")
        total = len(streams.sizes)
        if total % world_size and not evaluation:
            raise UserError(f"streams = {total} cannot be shared by {world_size} ranks: choose a multiple of them")
        self.streams, self.chunk_len = streams, chunk_len
        self.random_phase, self.variable, self.seed, self.limit = random_phase, variable, seed, limit
        per_rank = -(-total // world_size)
        rows = np.arange(rank * per_rank, (rank + 1) * per_rank)
        self.rows: npt.NDArray[np.int64] = np.where(rows < total, rows, -1)
        self.epoch, self.next_chunk = 0, 0
        self._resumed = False

    def cuts(self, epoch: int) -> list[int]:
        """Where the chunks of an epoch begin, and the end."""
        longest, step = int(self.streams.sizes.max()), self.chunk_len
        if self.variable:
            random = np.random.default_rng((self.seed, epoch, 1))
            count = len(self)
            about = np.where(random.random(count) < 0.05, 0.5, 1.0)
            ends = np.maximum(random.normal(about, 1 / 14), 1 / 14).cumsum()  # 70 and 5 in the paper
            return [0, *np.rint(ends * longest / ends[-1]).astype(int).tolist()]
        inner = list(range(step, longest, step))
        if self.random_phase and inner:
            phase = int(np.random.default_rng((self.seed, epoch)).integers(1, step + 1))
            inner = [cut - step + phase for cut in inner]
        return [0, *inner, longest]

    def __len__(self) -> int:
        """Chunks in a whole epoch."""
        mean = self.chunk_len * (0.975 if self.variable else 1.0)  # of 0.95 x 1 + 0.05 x 0.5
        return math.ceil(int(self.streams.sizes.max()) / mean)

    def __iter__(self) -> Iterator[Chunk]:
        if not self._resumed:  # a broken-off epoch is begun again, unless a checkpoint says where it was
            self.next_chunk = 0
        self._resumed = False
        epoch, cuts = self.epoch, self.cuts(self.epoch)
        end = len(self) if self.limit is None else min(len(self), self.limit)
        for index in range(self.next_chunk, end):
            chunk = self.streams.chunk(self.rows, cuts[index], cuts[index + 1], index)
            if self.variable:
                chunk = chunk._replace(scale=chunk.tokens.size(1) / self.chunk_len)
            # Moved on before the chunk is handed out: a checkpoint written while it is trained on comes after it.
            last = index + 1 == end
            self.epoch, self.next_chunk = (epoch + 1, 0) if last else (epoch, index + 1)
            yield chunk

    def state_dict(self) -> dict[str, int]:
        """The chunk that comes next, and its epoch."""
        return {"epoch": self.epoch, "chunk": self.next_chunk}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes on where the loader that gave `state` stood."""
        self.epoch, self.next_chunk = state["epoch"], state["chunk"]
        self._resumed = True
