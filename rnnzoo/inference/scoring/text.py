"""How well a language model predicts a text: every token's surprisal, and the totals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.adaptation import Adaptation, read_adapting
from rnnzoo.metrics import Totals
from rnnzoo.networks import LanguageNet
from rnnzoo.text import Tokenizer
from rnnzoo.text.reading import escaped, left_out, start_token, unknown_tokens

__all__ = ["Scores", "score_adapting", "score_text"]


@dataclass(frozen=True, eq=False)
class Scores:
    """The surprisal of a text's tokens: -ln p(token | all tokens before it).

    Attributes:
        totals: sums and counts, and from them nll, perplexity and bits.
        ids: (T,) the text's tokens.
        nats: (T,) float64, the surprisal of each.
        left_out: the different characters that were dropped; they count neither as characters nor as bytes.
        tokenizer: what the ids mean.
        unknown: tokens that were read as ``<unk>``. The model predicted that there is an unknown word, not which one,
            while characters and bytes are those of the text: bits per character and byte are too low by what the
            unknown words say.
        dropped: how many characters, or words, were left out.
    """

    totals: Totals
    ids: npt.NDArray[Any]
    nats: npt.NDArray[np.float64]
    left_out: tuple[str, ...]
    tokenizer: Tokenizer
    unknown: int = 0
    dropped: int = 0

    @property
    def bits(self) -> npt.NDArray[np.float64]:
        """(T,) the surprisal of each token in bits."""
        return self.nats / math.log(2)

    @property
    def tokens(self) -> list[str]:
        """Each token in readable form."""
        texts = self.tokenizer.token_texts()
        return [texts[i] for i in self.ids.tolist()]

    def to_dict(self) -> dict[str, float]:
        """The totals, and the numbers of unknown tokens and of what was dropped."""
        return self.totals.to_dict() | {"unknown": self.unknown, "dropped": self.dropped}

    def write_tsv(self, file: IO[str], others: Mapping[str, Scores] | None = None) -> None:
        r"""Writes a line of ``index``, ``token``, ``bits`` for each token, under a header with these names.

        In tokens, ``\t``, ``\n``, ``\\`` and ``\xhh`` or ``\uhhhh`` stand for what has no visible form. Quotation
        marks are plain characters (pandas: ``quoting=csv.QUOTE_NONE``).

        Args:
            file: open for writing.
            others: further scores of the same text; those called ``"cache"`` become the column ``cache_bits``.
        """
        others = others or {}
        file.write("\t".join(["index", "token", "bits", *(f"{name}_bits" for name in others)]) + "\n")
        shown = [escaped(text) for text in self.tokenizer.token_texts()]
        columns = [self.bits.tolist(), *(scores.bits.tolist() for scores in others.values())]
        for index, (token, *row) in enumerate(zip(self.ids.tolist(), *columns, strict=True)):
            file.write("\t".join([str(index), shown[token], *(f"{bits:.6f}" for bits in row)]) + "\n")


def score_text(
    model: LanguageNet,
    text: str,
    *,
    unknown: Literal["error", "drop"] = "error",
    adaptation: Adaptation | None = None,
) -> Scores:
    """Scores every token of `text`, in one stream from its first to its last.

    The first token is predicted from the model's own beginning, where an empty prompt starts too: the zero
    state and a line break (or token 0). So each token is counted, and the nats are those of
    -ln p(text is what the model says).

    Args:
        model: any language model; it is used without dropout, and left as it is.
        text: any length; beside the result, memory does not grow with it.
        unknown: ``"drop"`` leaves out characters that the vocabulary does not have.
        adaptation: dynamic evaluation, a cache, or both; None scores the model as it was trained.

    Raises:
        UserError: nothing to score, or unknown characters.
    """
    adaptation = adaptation or Adaptation()
    return _scores(model, text, unknown, adaptation, (adaptation.name,))[adaptation.name]


def score_adapting(
    model: LanguageNet, text: str, adaptation: Adaptation, *, unknown: Literal["error", "drop"] = "error"
) -> dict[str, Scores]:
    """`score_text` with and without each part of `adaptation`, in as few passes as that takes.

    Returns:
        The scores called ``"static"``, and, where they were asked for, ``"dynamic"``, ``"cache"`` and
        ``"dynamic_cache"``.
    """
    return _scores(model, text, unknown, adaptation, adaptation.names)


def _scores(
    model: LanguageNet, text: str, unknown: Literal["error", "drop"], adaptation: Adaptation, names: Sequence[str]
) -> dict[str, Scores]:
    tokenizer = model.tokenizer
    ids = tokenizer.encode(text, unknown=unknown)
    if len(ids) == 0:
        raise UserError("there is no text to score")
    dropped = left_out(tokenizer, text) if unknown == "drop" else []
    gone = 0
    if dropped:
        is_words = any(len(one) > 1 for one in dropped) or bool(tokenizer.unwritten)
        gone = unknown_tokens(tokenizer, text) if is_words else sum(map(text.count, dropped))
        text = tokenizer.decode(ids)
    whole = np.concatenate([np.array([start_token(tokenizer)], ids.dtype), ids])
    size = len(text.encode("utf-8", "surrogatepass"))
    strange = 0 if unknown == "drop" else unknown_tokens(tokenizer, text)
    return {
        name: Scores(
            Totals(math.fsum(nats), tokens=len(ids), characters=len(text), bytes=size),
            ids,
            nats,
            tuple(dropped),
            tokenizer,
            strange,
            gone,
        )
        for name, nats in read_adapting(model, whole, adaptation, names).items()
    }
