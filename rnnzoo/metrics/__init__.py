"""Scores, kept as sums and counts so that parts add up to the whole."""

from __future__ import annotations

from rnnzoo.metrics.bleu import bleu, bleu_by_length, bleu_lowercased_tokenised, chrf
from rnnzoo.metrics.nll import Totals, bits, perplexity
from rnnzoo.metrics.novelty import Novelty, novelty, vocabulary, words

__all__ = [
    "Novelty",
    "Totals",
    "bits",
    "bleu",
    "bleu_by_length",
    "bleu_lowercased_tokenised",
    "chrf",
    "novelty",
    "perplexity",
    "vocabulary",
    "words",
]
