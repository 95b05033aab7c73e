"""What a training can be said to learn little from before it begins: lines for people, and nothing is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnzoo.training import PairData, StreamData

__all__ = ["doubts"]

_FEW_WORDS = 20
_UNKNOWN = 0.3  # share of tokens that are <unk>; half of those of a text with a word a line are line ends
_SAMPLE = 1_000_000  # tokens that are looked at


def doubts(data: StreamData | PairData, trainer: Mapping[str, Any]) -> list[str]:
    """Warnings of a text without anything to predict, of words that are none, and of epochs of one step.

    Args:
        data: what is trained on. trainer: the recipe's section.
    """
    lines = _of_text(data) if isinstance(data, StreamData) else []
    together, batches = trainer.get("accumulate_grad_batches", 1), data.batches_per_epoch
    steps = math.ceil(batches / together) if isinstance(together, int) and together > 0 else batches
    if steps == 1:
        size = "streams or chunk_len" if isinstance(data, StreamData) else "batch_tokens"
        lines.append(f"an epoch is one optimizer step: take more text, a smaller {size}, or many epochs")
    return [f"warning: {line}" for line in lines]


def _of_text(data: StreamData) -> list[str]:
    ids = np.asarray(data.ids("train")[:_SAMPLE])
    if int(ids.min()) == int(ids.max()):
        return ["the training part is one token, repeated: there is nothing to learn"]
    if data.tokenizer.kind != "word":
        return []
    said = "by spaces the text has hardly a word twice: a tokenizer of characters, or bpe, suits it better"
    unknown = float(np.isin(np.asarray(data.ids("valid")[:_SAMPLE]), data.tokenizer.unwritten).mean())
    if data.tokenizer.vocab_size <= _FEW_WORDS:
        return [f"the vocabulary has {data.tokenizer.vocab_size} words; {said}"]
    return [f"{unknown:.0%} of the validation part is <unk>; {said}"] if unknown > _UNKNOWN else []
