"""A translator so small that it takes no time."""

from __future__ import annotations

from typing import Any

import torch

from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.text import CharTokenizerConfig

SOURCE, TARGET = "abcdefgh ,.", "stuvwxyz ,.!"


def small_translator(*, joint: bool = False, **fields: Any) -> Seq2Seq:
    """A small model; keyword arguments are fields of its config.

    Args:
        joint: one vocabulary for both sides.
    """
    torch.manual_seed(7)
    stacks = {"encoder": {"cell": "gru", "hidden_size": 4}, "decoder": {"cell": "lstm", "hidden_size": 8}}
    config = Seq2SeqConfig.from_dict({"embedding_dim": 6, **stacks} | fields)
    texts = ([SOURCE + TARGET] * 2) if joint else [SOURCE, TARGET]
    return config.build(*(CharTokenizerConfig().build([text]) for text in texts))
