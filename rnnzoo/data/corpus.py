"""A corpus: a text in its parts, in memory or as shards of tokens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.data.shards import TOKENIZER, TokenShards, check_hash, read_index
from rnnzoo.text import Tokenizer, load_tokenizer

__all__ = ["Corpus", "load_shards"]


@dataclass(frozen=True)
class Corpus:
    """A text in its parts.

    Args:
        name: as the catalogue, the files or the hub have it.
        splits: ``"train"``, ``"valid"`` and, where there is one, ``"test"``: the text of each, or its tokens where
            those are kept.
        sha256: of the whole text: all splits in this order, joined, as UTF-8.
        split_rule: how the parts were made, in words; a score means nothing without it.
        licence: what the text may be used for.
        research_only: the text, and models of it, are not to be published freely.
        tokenizer: what made the tokens of a corpus that is kept as such.
    """

    name: str
    splits: Mapping[str, str | TokenShards]
    sha256: str
    split_rule: str
    licence: str
    research_only: bool = False
    tokenizer: Tokenizer | None = None


def load_shards(folder: str | os.PathLike[str]) -> Corpus:
    """The corpus in a folder of shards; its splits are `TokenShards`, and it brings its tokenizer.

    Raises:
        UserError: there is none, it is not complete, or a file is missing or damaged.
    """
    place = Path(folder)
    index = read_index(place)
    check_hash(place / TOKENIZER, index.tokenizer)
    tokenizer = load_tokenizer(place / TOKENIZER)
    splits = {name: TokenShards(place, shards, tokenizer) for name, shards in index.splits.items()}
    return Corpus(index.text, splits, index.sha256, index.split_rule, index.licence, tokenizer=tokenizer)
