"""Corpora, streams and caches: everything between a text and a batch.

What needs torch is imported when it is first used: `rnnzoo data` does not wait for it, nor give it memory.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rnnzoo.data.cache import encoded
from rnnzoo.data.catalogue import CATALOGUE, corpus_entry
from rnnzoo.data.cleaning import CleaningConfig
from rnnzoo.data.corpora import load_corpus
from rnnzoo.data.corpus import Corpus, load_shards
from rnnzoo.data.download import get_corpus
from rnnzoo.data.labelled import LabelledCorpus, load_labelled
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.data.places import cache_root, data_roots, find_corpus
from rnnzoo.data.shard_build import build_shards
from rnnzoo.data.shards import ShardIndex, TokenShards
from rnnzoo.data.sources import CorpusEntry, CorpusFile

if TYPE_CHECKING:
    from rnnzoo.data.pair_batches import EncodedPairs, PairBatch, PairLoader
else:  # hidden from type checkers, which would take any misspelt name for granted

    def __getattr__(name: str) -> object:
        if name not in ("EncodedPairs", "PairBatch", "PairLoader"):
            raise AttributeError(f"module 'rnnzoo.data' has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module("rnnzoo.data.pair_batches"), name)
        return value


__all__ = [
    "CATALOGUE",
    "CleaningConfig",
    "Corpus",
    "CorpusEntry",
    "CorpusFile",
    "EncodedPairs",
    "LabelledCorpus",
    "PairBatch",
    "PairCorpus",
    "PairLoader",
    "ShardIndex",
    "TokenShards",
    "build_shards",
    "cache_root",
    "corpus_entry",
    "data_roots",
    "encoded",
    "find_corpus",
    "get_corpus",
    "load_corpus",
    "load_labelled",
    "load_pairs",
    "load_shards",
]
