"""Texts with labels as batches of like length, by token count, see `rnnzoo.data.like_length`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.data.labelled import Labelled
from rnnzoo.data.like_length import Kinds, LengthLoader, Rows
from rnnzoo.data.sentence_rows import SentenceRows
from rnnzoo.data.streams import IGNORED
from rnnzoo.shapes import Int, Tensor
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import Ids, Unknown

__all__ = ["EncodedTexts", "TextBatch", "TextLoader"]


class TextBatch(NamedTuple):
    """Some texts.

    An *empty* batch keeps ranks in step where the batches are not divisible by them. It is one text without tokens that
    is not counted.

    Attributes:
        tokens: (B, T) int64, padded with 0. lengths: (B,) tokens of each row.
        targets: (B,) the label's number; where a text may have several, (B, C) of 0 and 1.
        indices: (B,), which text of the part each row is; -1 in an empty batch.
        num_targets: texts that are counted; 0 only in an empty batch.
    """

    tokens: Int[Tensor, "B T"]
    lengths: Int[Tensor, "B"]
    targets: Tensor
    indices: Int[Tensor, "B"]
    num_targets: int


class EncodedTexts:
    """The ids of all texts of a part, and their labels' numbers; mapped from the token cache where there are many.

    Args:
        part: the texts. labels: all labels, in the order of their numbers.
        several: a text may have any number of labels.
        tokenizer: what encodes the texts.
        unknown: what becomes of characters without an id, see `Tokenizer.encode`.
        most: tokens of a text that are read, its first ones; 0 for all.
        bpe_dropout: as in `rnnzoo.data.pair_batches.EncodedPairs`.

    Attributes:
        lengths: (N,) tokens of each text. targets: (N,) or (N, C), as in `TextBatch`.

    Raises:
        UserError: the tokenizer does not know a character.
    """

    called = "texts"

    def __init__(
        self,
        part: Labelled,
        labels: Sequence[str],
        tokenizer: Tokenizer,
        *,
        several: bool = False,
        unknown: Unknown = "error",
        most: int = 0,
        bpe_dropout: float = 0.0,
    ) -> None:
        self._rows, self._most = SentenceRows(part.texts, tokenizer, unknown, bpe_dropout), most
        self.lengths = self._bounded(self._rows.lengths.astype(np.int64) - 1)  # without the boundary
        numbers = {label: number for number, label in enumerate(labels)}
        if several:
            self.targets = np.zeros((len(part.texts), len(labels)), np.int64)
            for row, of_text in enumerate(part.labels):
                self.targets[row, [numbers[label] for label in of_text]] = 1
        else:
            self.targets = np.array([numbers[label] for (label,) in part.labels], np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def ids(self) -> Ids:
        """The ids of all texts, in a row."""
        kept: Ids = self._rows.ids[self._rows.ids != self._rows.boundary]
        return kept

    def kinds(self) -> tuple[Kinds, npt.NDArray[np.int64]]:
        """The place of each text's length among all lengths, and the length; an empty text counts as one token."""
        longer = np.maximum(self.lengths, 1)
        kinds = np.unique(longer, return_inverse=True)[1]
        return kinds.astype(np.min_scalar_type(int(kinds.max()))), longer

    def batch(self, rows: Rows, seed: tuple[int, ...] | None = None) -> TextBatch:
        """Those texts; the empty batch where there are none.

        Args:
            rows: which ones. seed: of the pieces that their words are in, where that is drawn.
        """
        if not len(rows):
            one = torch.ones(1, dtype=torch.int64)
            targets = np.full_like(self.targets[:1], 0 if self.targets.ndim > 1 else IGNORED)
            return TextBatch(torch.zeros(1, 1, dtype=torch.int64), 0 * one, torch.from_numpy(targets), -one, 0)
        ids, lengths = self._rows.rows(rows, seed)
        lengths = self._bounded(lengths - 1)
        ids = ids[:, : max(int(lengths.max()), 1)]
        return TextBatch(
            tokens=torch.from_numpy(np.where(np.arange(ids.shape[1]) < lengths[:, None], ids, 0)),
            lengths=torch.from_numpy(lengths),
            targets=torch.from_numpy(self.targets[rows]),
            indices=torch.from_numpy(rows.astype(np.int64)),
            num_targets=len(rows),
        )

    def _bounded(self, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.minimum(lengths, self._most) if self._most else lengths


class TextLoader(LengthLoader[EncodedTexts, TextBatch]):
    """The batches of texts; a batch has at most `batch_tokens` rows times its longest text."""
