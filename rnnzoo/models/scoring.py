"""How well a language model predicts a text: every token's surprisal, and the totals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from rnnzoo.errors import UserError
from rnnzoo.metrics import Totals
from rnnzoo.models.reading import CHUNK_LEN, device_of, evaluating, left_out, start_token
from rnnzoo.text import Tokenizer

if TYPE_CHECKING:
    from rnnzoo.models.language_model import LanguageModel

__all__ = ["Scores", "score_text"]

_MAX_LOGITS = 1 << 23  # held at once: 32 MB in float32


@dataclass(frozen=True, eq=False)
class Scores:
    """The surprisal of a text's tokens: -ln p(token | all tokens before it).

    Attributes:
        totals: sums and counts, and from them nll, perplexity and bits.
        ids: (T,) the text's tokens.
        nats: (T,) float64, the surprisal of each.
        left_out: the different characters that were dropped; they count neither as characters nor as bytes.
        tokenizer: what the ids mean.
    """

    totals: Totals
    ids: npt.NDArray[Any]
    nats: npt.NDArray[np.float64]
    left_out: tuple[str, ...]
    tokenizer: Tokenizer

    @property
    def bits(self) -> npt.NDArray[np.float64]:
        """(T,) the surprisal of each token in bits."""
        return self.nats / math.log(2)

    @property
    def tokens(self) -> list[str]:
        """Each token in readable form."""
        texts = self.tokenizer.token_texts()
        return [texts[i] for i in self.ids.tolist()]

    def write_tsv(self, file: IO[str]) -> None:
        r"""Writes a line of ``index``, ``token``, ``bits`` for each token, under a header with these names.

        In tokens, ``\t``, ``\n``, ``\\`` and ``\xhh`` or ``\uhhhh`` stand for what has no visible form. Quotation
        marks are plain characters (pandas: ``quoting=csv.QUOTE_NONE``).
        """
        file.write("index\ttoken\tbits\n")
        shown = [_escaped(text) for text in self.tokenizer.token_texts()]
        for index, (token, surprisal) in enumerate(zip(self.ids.tolist(), self.bits.tolist(), strict=True)):
            file.write(f"{index}\t{shown[token]}\t{surprisal:.6f}\n")


def score_text(model: LanguageModel, text: str, *, unknown: Literal["error", "drop"] = "error") -> Scores:
    """Scores every token of `text`, in one stream from its first to its last.

    The first token is predicted from the model's own beginning, where an empty prompt starts too: the zero
    state and a line break (or token 0). So each token is counted, and the nats are those of
    -ln p(text is what the model says).

    Args:
        model: any language model; it is used without dropout.
        text: any length; beside the result, memory does not grow with it.
        unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

    Raises:
        UserError: nothing to score, or unknown characters.
    """
    tokenizer = model.tokenizer
    ids = tokenizer.encode(text, unknown=unknown)
    if len(ids) == 0:
        raise UserError("there is no text to score")
    dropped = left_out(tokenizer, text) if unknown == "drop" else []
    if dropped:
        text = tokenizer.decode(ids)
    nats = np.empty(len(ids))
    state, device = model.initial_state(1), device_of(model)
    before = start_token(tokenizer)
    chunk_len = min(CHUNK_LEN, max(1, _MAX_LOGITS // model.vocab_size))
    with evaluating(model):
        for start in range(0, len(ids), chunk_len):
            targets = torch.from_numpy(ids[start : start + chunk_len].astype(np.int64))
            tokens = torch.cat([torch.tensor([before]), targets[:-1]])
            logits, state = model(tokens.unsqueeze(0).to(device), state)
            surprisal = F.cross_entropy(_at_least_float32(logits[0]), targets.to(device), reduction="none")
            nats[start : start + len(targets)] = surprisal.cpu().numpy()
            before = int(targets[-1])
    total = math.fsum(nats)
    if math.isnan(total):
        raise UserError("the model's logits are not numbers (NaN): its training diverged or its weights are damaged")
    size = len(text.encode("utf-8", "surrogatepass"))
    totals = Totals(total, tokens=len(ids), characters=len(text), bytes=size)
    return Scores(totals, ids, nats, tuple(dropped), tokenizer)


def _at_least_float32(logits: torch.Tensor) -> torch.Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _escaped(token: str) -> str:
    return "".join(c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in token)
