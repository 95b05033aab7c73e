"""Many short texts scored at once, and minimal pairs: which of two sentences is likelier?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np

from rnnzoo.inference.scoring.rows import Row, score_rows
from rnnzoo.metrics import Totals
from rnnzoo.networks import LanguageNet
from rnnzoo.text.reading import left_out, start_token, unknown_tokens

__all__ = ["Pair", "score_lines", "score_pairs", "write_pairs"]


@dataclass(frozen=True)
class Pair:
    """Two sentences and their scores, each as a line by itself.

    Attributes:
        first, second: the sentences. totals: their scores. unknown: how many of their tokens were read as ``<unk>``.
    """

    first: str
    second: str
    totals: tuple[Totals, Totals]
    unknown: tuple[int, int]

    @property
    def difference(self) -> float:
        """ln p(first) - ln p(second), in nats."""
        return self.totals[1].nats - self.totals[0].nats

    @property
    def likelier(self) -> int:
        """1 or 2, or 0 where both are equally likely."""
        return 0 if self.difference == 0 else 1 if self.difference > 0 else 2


def score_lines(
    model: LanguageNet, lines: Sequence[str], *, unknown: Literal["error", "drop"] = "error"
) -> list[Totals]:
    """Each line's score by itself: from the model's own beginning to the line break that ends it.

    So what is compared are whole sentences: a beginning that promises more is not taken for an end. Where the
    vocabulary has no line break, the end is not predicted. Lines of about one length are read side by side; that
    changes no line's score.

    Args:
        model: any language model; it is used without dropout, and left as it is.
        lines: without their line breaks; none is empty.
        unknown: ``"drop"`` leaves out, and does not count, what the vocabulary does not have.

    Raises:
        UserError: characters that the vocabulary does not have, or logits that are not numbers.
    """
    tokenizer = model.tokenizer
    start = start_token(tokenizer)
    ended = tokenizer.decode([start]) == "\n"
    texts = [f"{line}\n" if ended else line for line in lines]
    ids = [np.concatenate([[start], tokenizer.encode(text, unknown=unknown).astype(np.int64)]) for text in texts]
    if unknown == "drop":
        kept = zip(texts, ids, strict=True)
        texts = [tokenizer.decode(row[1:]) if left_out(tokenizer, text) else text for text, row in kept]
    nats = [math.fsum(scores.nats) for scores in score_rows(model, [Row(row) for row in ids])]
    return [
        Totals(total, len(row) - 1, len(text), len(text.encode("utf-8", "surrogatepass")))
        for total, row, text in zip(nats, ids, texts, strict=True)
    ]


def score_pairs(
    model: LanguageNet, pairs: Sequence[tuple[str, str]], *, unknown: Literal["error", "drop"] = "error"
) -> list[Pair]:
    """Both sentences of each pair, scored by `score_lines`.

    Raises:
        UserError: as for `score_lines`.
    """
    # Each sentence once: one that stands on both sides must not be its own better by a rounding error.
    sentences = list(dict.fromkeys(sentence for pair in pairs for sentence in pair))
    totals = dict(zip(sentences, score_lines(model, sentences, unknown=unknown), strict=True))
    counts = dict.fromkeys(sentences, 0)
    if unknown == "error":
        counts = {sentence: unknown_tokens(model.tokenizer, sentence) for sentence in sentences}
    return [Pair(a, b, (totals[a], totals[b]), (counts[a], counts[b])) for a, b in pairs]


def write_pairs(pairs: Sequence[Pair], file: IO[str]) -> None:
    """A line for each pair: ``nats_1``, ``nats_2``, ``likelier`` (1, 2, or 0), ``unknown_1``, ``unknown_2``, and both
    sentences, under a header with these names."""
    file.write("nats_1\tnats_2\tlikelier\tunknown_1\tunknown_2\tsentence_1\tsentence_2\n")
    for pair in pairs:
        first, second = (f"{totals.nats:.6f}" for totals in pair.totals)
        counts = "\t".join(map(str, pair.unknown))
        file.write(f"{first}\t{second}\t{pair.likelier}\t{counts}\t{pair.first}\t{pair.second}\n")
