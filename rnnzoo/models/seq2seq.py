"""An encoder-decoder: its net, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.inference.embedding import embed
from rnnzoo.inference.trace import Trace, trace_translation
from rnnzoo.inference.translation.translate import Translation, translate, translations
from rnnzoo.networks import DecoderState, Seq2SeqNet, Seq2SeqNetConfig
from rnnzoo.shapes import Tensor
from rnnzoo.text import Tokenizer

__all__ = ["DecoderState", "Seq2Seq", "Seq2SeqConfig"]


@dataclass(frozen=True)
class Seq2SeqConfig(Seq2SeqNetConfig):
    __doc__ = Seq2SeqNetConfig.__doc__

    def build(self, src_tokenizer: Tokenizer, tgt_tokenizer: Tokenizer | None = None) -> Seq2Seq:
        """The model, with fresh weights; arguments as for `Seq2SeqNetConfig.build`."""
        return Seq2Seq(self, src_tokenizer, src_tokenizer if tgt_tokenizer is None else tgt_tokenizer)


class Seq2Seq(Seq2SeqNet):
    __doc__ = Seq2SeqNet.__doc__

    def translate(self, texts: str | Sequence[str], **options: Any) -> list[str]:
        """The best translation of each text; options: `rnnzoo.inference.translation.translate.translations`."""
        return translate(self, texts, **options)

    def translations(self, texts: str | Sequence[str], **options: Any) -> list[list[Translation]]:
        """The n best translations of each text, with scores; the options are those of `translate`."""
        return translations(self, texts, **options)

    def trace(self, text: str, **options: Any) -> Trace:
        """What the model looks at as it translates `text`; see `rnnzoo.inference.trace.trace_translation`."""
        return trace_translation(self, text, **options)

    def embed(self, texts: str | Sequence[str], **options: Any) -> Tensor:
        """A vector of each text, (N, D); options: `rnnzoo.inference.embedding.embed`."""
        return embed(self, texts, **options)
