"""A translator that was exported: text in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..errors import UserError
from ..text.spaces import plain_spaces
from .graph import Array, Named, prefixed
from .hypothesis import Hypothesis, SearchConfig
from .model import Model
from .search import search
from .translation import Translation, translate_lines

__all__ = ["Translation", "Translator"]

_POSITIONS = 1 << 15  # of memory in a batch, all hypotheses counted
_MAX_LOGITS = 1 << 23


class Translator(Model, kind="translator"):
    """A translator; `Model.open` makes it.

    Attributes:
        src_tokenizer, tgt_tokenizer: text to ids and back. src_boundary, boundary: what ends a source and a target.
    """

    def _prepare(self) -> None:
        self.tgt_tokenizer = self._tokenizer("tokenizer.json")
        has_own = self.bundle.has("tokenizer.src.json")
        self.src_tokenizer = self._tokenizer("tokenizer.src.json") if has_own else self.tgt_tokenizer
        self.boundary, self.src_boundary = int(self.meta["end"]), int(self.meta["source_end"])
        self._unwritten = np.array(self.meta["unwritten"], np.int64)
        self._state = [str(one["name"]) for one in self.meta["state"]]

    def translate(self, texts: str | Sequence[str], **options: Any) -> list[str]:
        """The best translation of each text, in their order; an empty one of an empty one.

        Args:
            texts: sentences, or a single one. The lines of a text are sentences: its translation has as many.
            options: those of `translations`.
        """
        return translate_lines(self.translations, texts, **options)

    def translations(
        self,
        texts: str | Sequence[str],
        *,
        prefix: str | Sequence[str] = "",
        unknown: Literal["error", "drop"] = "error",
        batch_size: int = 64,
        **options: Any,
    ) -> list[list[Translation]]:
        """The n best translations of each text, the best first, with their scores.

        Sentences of like length are translated side by side; that changes no translation, save where two score alike
        to the last digits. An empty text has one translation, which is empty.

        Args:
            texts: sentences, or a single one. Line breaks and other spaces in them count as a single space.
            prefix: what each translation begins with, one for all or one for each text.
            unknown: ``"drop"`` leaves out characters that the vocabulary does not have.
            batch_size: at most so many sentences at once; changes nothing but speed and memory.
            options: `SearchConfig`'s fields: beam (5), nbest, length_penalty, alpha, no_repeat_ngram, min_len, max_len.

        Raises:
            UserError: a value is out of range, or a text has unknown characters.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        config = SearchConfig(**{"beam": max(SearchConfig.beam, options.get("nbest", 1))} | options)
        prefixes = [prefix] * len(texts) if isinstance(prefix, str) else list(prefix)
        if len(prefixes) != len(texts):
            raise UserError(f"{len(texts)} texts, but {len(prefixes)} prefixes")
        if batch_size < 1:
            raise UserError(f"batch_size must be 1 or more, not {batch_size}")
        sources = [
            ids.tolist()
            for ids in self.src_tokenizer.encode_all([plain_spaces(text) for text in texts], unknown=unknown)
        ]
        forced = [ids.tolist() for ids in self.tgt_tokenizer.encode_all(prefixes, unknown=unknown)]
        found: list[list[Translation]] = [[Translation("", (), 0.0, 0.0, True)] for _ in texts]
        order = sorted((i for i, ids in enumerate(sources) if ids), key=lambda i: -len(sources[i]))
        most = max(1, min(batch_size, _MAX_LOGITS // (config.beam * self.vocab_size)))
        while order:
            count = max(1, min(most, _POSITIONS // config.beam // (len(sources[order[0]]) + 1)))
            some, order = order[:count], order[count:]
            hypotheses = self._find([sources[i] for i in some], [forced[i] for i in some], config)
            for i, row in zip(some, hypotheses, strict=True):
                found[i] = [self._written(each) for each in row]
        return found

    def encode(self, rows: Sequence[Sequence[int]]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The decoder's first state and the memory of these sources, which are without their boundary."""
        lengths = np.array([len(row) + 1 for row in rows])
        src = np.full((len(rows), lengths.max()), self.src_boundary, np.int64)
        for i, row in enumerate(rows):
            src[i, : len(row)] = row
        found = self.graphs.run("encoder", {"src": src, "lengths": lengths})
        return (
            {name.removeprefix("state."): array for name, array in found.items() if name.startswith("state.")},
            {name.removeprefix("memory."): array for name, array in found.items() if name.startswith("memory.")},
        )

    def step(self, tokens: Array, state: Named, memory: Named) -> tuple[Array, dict[str, Array]]:
        """One token further: logits (B, V) and the new state."""
        given = {**dict(prefixed("state", state)), **dict(prefixed("memory", memory))}
        found = self.graphs.run("step", {"tokens": tokens.astype(np.int64), **given})
        logits = found.pop("logits")
        return logits, {name.removeprefix("new_state."): array for name, array in found.items()}

    def _find(self, rows: list[list[int]], forced: list[list[int]], config: SearchConfig) -> list[list[Hypothesis]]:
        state, memory = self.encode(rows)
        limits = [
            config.max_len or max(self._longest(len(row)), config.min_len + 1) + len(begun)
            for row, begun in zip(rows, forced, strict=True)
        ]
        return search(
            self.step,
            np.full(len(rows), self.boundary, np.int64),
            state,
            memory,
            unwritten=self._unwritten,
            eos=self.boundary,
            config=config,
            max_lens=limits,
            prefix=forced,
        )

    def _longest(self, length: int) -> int:
        """How many symbols the translation of so many source tokens may have, as the full package has it."""
        return 4 * length + 50 if self.tgt_tokenizer.kind in ("char", "byte") else 2 * length + 12

    def _written(self, hypothesis: Hypothesis) -> Translation:
        reader = self.tgt_tokenizer.reader()
        return Translation("".join(map(reader.feed, hypothesis.tokens)) + reader.flush(), *hypothesis)
