"""Sentences as a translator reads them: ids, boundaries, and batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.inference.eval_mode import device_of
from rnnzoo.networks import Seq2SeqNet
from rnnzoo.shapes import Int, Tensor
from rnnzoo.text.base import Unknown
from rnnzoo.text.spaces import plain_spaces

__all__ = ["Row", "batches_by_length", "longest_translation", "padded", "source_rows", "source_tensors"]

Row = npt.NDArray[np.int64]
Number = TypeVar("Number", int, Tensor)


def longest_translation(model: Seq2SeqNet, length: Number) -> Number:
    """How many symbols the translation of so many source tokens may have, its end counted.

    What has no end by then goes round in circles. Words and pieces of words are about as many in all languages; a
    character of one script may take four of another.
    """
    return 4 * length + 50 if model.tgt_tokenizer.kind in ("char", "byte") else 2 * length + 12


def source_rows(model: Seq2SeqNet, texts: Sequence[str], unknown: Unknown = "error") -> list[Row]:
    """The ids of each text, with plain spaces, without the boundary; none where there is nothing to translate.

    Raises:
        UserError: characters that the vocabulary does not have, with ``"error"``.
    """
    ids = model.src_tokenizer.encode_all([plain_spaces(text) for text in texts], unknown=unknown)
    return [row.astype(np.int64) for row in ids]


def batches_by_length(lengths: Sequence[int], rows: int, positions: int) -> Iterator[list[int]]:
    """Indices in batches of like length, the longest first: what does not fit into memory is found at once.

    Args:
        lengths: of each sentence. rows: at most so many sentences in a batch.
        positions: rows times the longest length, at most; a sentence that is longer by itself is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    while order:
        count = max(1, min(rows, positions // max(lengths[order[0]], 1)))
        yield order[:count]
        order = order[count:]


def padded(rows: Sequence[Row], fill: int) -> Int[Tensor, "B T"]:
    """Rows side by side, filled up behind."""
    width = max(map(len, rows))
    return torch.from_numpy(np.stack([np.pad(row, (0, width - len(row)), constant_values=fill) for row in rows]))


def source_tensors(model: Seq2SeqNet, rows: Sequence[Row]) -> tuple[Int[Tensor, "B S"], Int[Tensor, "B"]]:
    """What `Seq2SeqNet.encode` takes, on the model's device: rows ended by the boundary, and their lengths."""
    device = device_of(model)
    src = padded([np.append(row, model.src_boundary) for row in rows], model.src_boundary)
    return src.to(device), torch.tensor([len(row) + 1 for row in rows], device=device)
