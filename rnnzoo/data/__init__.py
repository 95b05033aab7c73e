"""Corpora, streams and caches: everything between a text and a batch."""

from __future__ import annotations

from rnnzoo.data.cache import encoded
from rnnzoo.data.catalogue import CATALOGUE, corpus_entry
from rnnzoo.data.cleaning import CleaningConfig
from rnnzoo.data.corpora import Corpus, load_corpus
from rnnzoo.data.download import get_corpus
from rnnzoo.data.pair_batches import EncodedPairs, PairBatch, PairLoader
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.data.places import cache_root, data_roots, find_corpus
from rnnzoo.data.shard_build import build_shards
from rnnzoo.data.shards import ShardIndex, TokenShards, load_shards
from rnnzoo.data.sources import CorpusEntry, CorpusFile

__all__ = [
    "CATALOGUE",
    "CleaningConfig",
    "Corpus",
    "CorpusEntry",
    "CorpusFile",
    "EncodedPairs",
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
    "load_pairs",
    "load_shards",
]
