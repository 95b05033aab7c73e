"""Word language models."""

from __future__ import annotations

from rnnzoo.tasks.language_model import LanguageModelTask

__all__ = ["WordLM"]


class WordLM(LanguageModelTask):
    """A language model over words, in training; its ``ppl`` is perplexity per word (``<eos>`` counted as one)."""
