"""Corpora, streams and caches: everything between a text and a batch.

The names are imported when they are first used: what lists corpora needs neither torch nor NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnzoo.lazy import lazily

_HOME = {
    **dict.fromkeys(("CATALOGUE", "corpus_entry"), "catalogue"),
    **dict.fromkeys(("Corpus", "load_shards"), "corpus"),
    **dict.fromkeys(("CorpusEntry", "CorpusFile"), "sources"),
    **dict.fromkeys(("EncodedPairs", "PairBatch", "PairLoader"), "pair_batches"),
    **dict.fromkeys(("LabelledCorpus", "load_labelled"), "labelled"),
    **dict.fromkeys(("PairCorpus", "load_pairs"), "pairs"),
    **dict.fromkeys(("ShardIndex", "TokenShards"), "shards"),
    **dict.fromkeys(("cache_root", "data_roots", "find_corpus"), "places"),
    "CleaningConfig": "cleaning",
    "build_shards": "shard_build",
    "encoded": "cache",
    "get_corpus": "download",
    "load_corpus": "corpora",
}
"""The module of each."""

if TYPE_CHECKING:
    from rnnzoo.data.cache import encoded
    from rnnzoo.data.catalogue import CATALOGUE, corpus_entry
    from rnnzoo.data.cleaning import CleaningConfig
    from rnnzoo.data.corpora import load_corpus
    from rnnzoo.data.corpus import Corpus, load_shards
    from rnnzoo.data.download import get_corpus
    from rnnzoo.data.labelled import LabelledCorpus, load_labelled
    from rnnzoo.data.pair_batches import EncodedPairs, PairBatch, PairLoader
    from rnnzoo.data.pairs import PairCorpus, load_pairs
    from rnnzoo.data.places import cache_root, data_roots, find_corpus
    from rnnzoo.data.shard_build import build_shards
    from rnnzoo.data.shards import ShardIndex, TokenShards
    from rnnzoo.data.sources import CorpusEntry, CorpusFile
else:
    __getattr__ = lazily(__name__, _HOME)


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
