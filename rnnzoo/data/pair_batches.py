"""Pairs of sentences as batches of like length, by token count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.shapes import Int, Tensor
from rnnzoo.text import Tokenizer

__all__ = ["EncodedPairs", "PairBatch", "PairLoader"]

IGNORED = -100


class PairBatch(NamedTuple):
    """Some pairs.

    Attributes:
        src: (B, S), each row ended by the source's boundary and padded with it. src_lengths: the boundary counted.
        tgt: (B, T), the boundary, then the target's ids: what the decoder is given.
        targets: (B, T), the ids, then the boundary: what it should say; `IGNORED` past a row's end.
        indices: which pair of the part each row is. num_targets: targets that are not ignored.
    """

    src: Int[Tensor, "B S"]
    src_lengths: Int[Tensor, "B"]
    tgt: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    indices: Int[Tensor, "B"]
    num_targets: int


class EncodedPairs:
    """The ids of all sentences of a part, flat."""

    def __init__(
        self, src: Sequence[str], tgt: Sequence[str], src_tokenizer: Tokenizer, tgt_tokenizer: Tokenizer
    ) -> None:
        self.boundaries = (src_tokenizer.vocab_size, tgt_tokenizer.vocab_size)
        self.flat, self.starts, self.lengths = [], [], []
        for texts, tokenizer in ((src, src_tokenizer), (tgt, tgt_tokenizer)):
            ids = tokenizer.encode_all(texts, unknown="drop")
            lengths = np.array([len(one) for one in ids], np.int64)
            self.flat.append(np.concatenate(ids).astype(np.int64) if ids else np.empty(0, np.int64))
            self.starts.append(np.concatenate(([0], lengths.cumsum()))[:-1])
            self.lengths.append(lengths)

    def __len__(self) -> int:
        return len(self.lengths[0])

    def _rows(self, side: int, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        lengths = self.lengths[side][rows]
        place = np.arange(int(lengths.max(initial=0)) + 1)
        inside = place < lengths[:, None]
        index = np.where(inside, self.starts[side][rows][:, None] + place, 0)
        ids = self.flat[side][index] if len(self.flat[side]) else np.zeros_like(index)
        return np.where(inside, ids, self.boundaries[side]), lengths

    def batch(self, rows: npt.NDArray[np.int64]) -> PairBatch:
        """Those pairs."""
        src, src_lengths = self._rows(0, rows)
        out, lengths = self._rows(1, rows)
        tgt = np.concatenate((np.full((len(rows), 1), self.boundaries[1]), out[:, :-1]), axis=1)
        targets = np.where(np.arange(out.shape[1]) <= lengths[:, None], out, IGNORED)
        tensors = [torch.from_numpy(a) for a in (src, src_lengths + 1, tgt, targets, rows)]
        return PairBatch(*tensors, int((lengths + 1).sum()))


class PairLoader:
    """Batches of a part: pairs of like length, batches in random order in training."""

    def __init__(
        self,
        pairs: EncodedPairs,
        batch_tokens: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
        training: bool,
    ) -> None:
        self.pairs, self.seed, self.training = pairs, seed, training
        self.rank, self.world_size = rank, world_size
        src, tgt = (lengths + 1 for lengths in pairs.lengths)
        order = np.lexsort((src, tgt))
        self.cuts, width = [0], 0
        for place, row in enumerate(order):
            width = max(width, int(src[row]), int(tgt[row]))
            if place > self.cuts[-1] and (place - self.cuts[-1] + 1) * width > batch_tokens:
                self.cuts.append(place)
                width = max(int(src[row]), int(tgt[row]))
        self.cuts.append(len(order))
        self.epoch, self.next_batch = 0, 0
        self.limit: int | None = None
        self._resumed = False

    def __len__(self) -> int:
        return -(-(len(self.cuts) - 1) // self.world_size)

    def __iter__(self) -> Iterator[PairBatch]:
        if not self._resumed:
            self.next_batch = 0
        self._resumed = False
        epoch = self.epoch
        random = np.random.default_rng((self.seed, epoch))
        src, tgt = self.pairs.lengths
        ties = random.random(len(src)) if self.training else np.arange(len(src))
        order = np.lexsort((ties, src, tgt))
        batches = np.arange(len(self.cuts) - 1)
        if self.training:
            batches = random.permutation(batches)
        batches = batches[self.rank :: self.world_size]
        end = len(batches) if self.limit is None else min(len(batches), self.limit)
        for place in range(self.next_batch, end):
            number = batches[place]
            last = place + 1 == end
            self.epoch, self.next_batch = (epoch + 1, 0) if last else (epoch, place + 1)
            yield self.pairs.batch(order[self.cuts[number] : self.cuts[number + 1]].astype(np.int64))

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "batch": self.next_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.next_batch = int(state["epoch"]), int(state["batch"])
        self._resumed = True
