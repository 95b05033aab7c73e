"""Character and byte language models."""

from __future__ import annotations

from rnnzoo.tasks.language_model import LanguageModelTask

__all__ = ["CharLM"]


class CharLM(LanguageModelTask):
    """A language model over characters or bytes, in training; its ``bits`` are bits per character (or byte)."""
