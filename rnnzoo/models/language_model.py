"""A language model: its net, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from rnnzoo.inference.embedding import embed
from rnnzoo.inference.generation import generate as texts
from rnnzoo.inference.generation.next_tokens import next_tokens
from rnnzoo.inference.generation.session import Session
from rnnzoo.inference.scoring.text import Scores, score_text
from rnnzoo.inference.trace import Trace, trace
from rnnzoo.networks import LanguageNet, LanguageNetConfig
from rnnzoo.nn import IGNORED
from rnnzoo.shapes import Tensor
from rnnzoo.text import Tokenizer

__all__ = ["IGNORED", "LanguageModel", "LanguageModelConfig"]


@dataclass(frozen=True)
class LanguageModelConfig(LanguageNetConfig):
    __doc__ = LanguageNetConfig.__doc__

    def build(self, tokenizer: Tokenizer) -> LanguageModel:
        """The model, with fresh weights, over the vocabulary of `tokenizer`."""
        return LanguageModel(self, tokenizer)


class LanguageModel(LanguageNet):
    __doc__ = LanguageNet.__doc__

    @overload
    def generate(self, prompt: str = "", **options: Any) -> list[str]: ...
    @overload
    def generate(self, prompt: list[str] | tuple[str, ...], **options: Any) -> list[list[str]]: ...
    def generate(self, prompt: str | list[str] | tuple[str, ...] = "", **options: Any) -> list[str] | list[list[str]]:
        """Texts that continue `prompt`; of a list of prompts, the texts of each.

        The options are those of `rnnzoo.inference.generation.generate.generate`.
        """
        if isinstance(prompt, str):
            return texts.generate(self, prompt, **options)
        return [texts.generate(self, one, **options) for one in prompt]

    def stream(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """One text that continues `prompt`, piece by piece; options as for `generate`."""
        return texts.stream(self, prompt, **options)

    def session(self, num: int = 1, **options: Any) -> Session:
        """A conversation whose state can be fed, continued, forked and saved.

        The options are those of `rnnzoo.inference.generation.session.Session`.
        """
        return Session(self, num=num, **options)

    def next_tokens(self, prompt: str = "", k: int = 10, **options: Any) -> list[tuple[str, float]]:
        """The likeliest next tokens after `prompt`, with probabilities.

        The options are those of `rnnzoo.inference.generation.next_tokens.next_tokens`.
        """
        return next_tokens(self, prompt, k, **options)

    def trace(self, text: str, **options: Any) -> Trace:
        """What goes on inside while the model reads `text`, as arrays by name; see `rnnzoo.inference.trace.trace`."""
        return trace(self, text, **options)

    def score(self, text: str, **options: Any) -> Scores:
        """How well the model predicts `text`; see `rnnzoo.inference.scoring.text.score_text`."""
        return score_text(self, text, **options)

    def embed(self, texts: str | Sequence[str], **options: Any) -> Tensor:
        """A vector of each text, (N, D); options: `rnnzoo.inference.embedding.embed`."""
        return embed(self, texts, **options)
