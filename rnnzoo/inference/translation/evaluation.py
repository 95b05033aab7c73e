"""How good a translator is: BLEU and chrF of its translations, and the likelihood of the right ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from rnnzoo.decoding import SearchConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import MAX_LOGITS, at_least_float32, device_of, evaluating
from rnnzoo.inference.translation.sentences import batches_by_length, padded, source_rows, source_tensors
from rnnzoo.inference.translation.translate import LongSentenceWarning, translate
from rnnzoo.metrics import Totals, bleu, bleu_by_length, bleu_lowercased_tokenised, chrf
from rnnzoo.networks import Seq2SeqNet
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import Unknown

__all__ = ["TranslationScore", "evaluate_translation", "score_translations"]

_POSITIONS = 1 << 13  # of one batch, on either side


@dataclass(frozen=True, eq=False)
class TranslationScore:
    """What a model made of a set of sentences.

    Attributes:
        sources: the sentences. references: all right translations of each.
        translations: the model's.
        totals: nats of the first references, and their tokens, each sentence's end counted.
    """

    sources: list[str]
    references: list[list[str]]
    translations: list[str]
    totals: Totals

    def figures(self) -> dict[str, Any]:
        """The scores, as metrics.json has them: plain values under these names.

        BLEU and chrF with sacreBLEU's signature; ``bleu_by_length`` has a row for each range of source lengths in
        words; ``nll`` is nats per target token, ``ppl`` its exponential.
        """
        lengths = [len(source.split()) for source in self.sources]
        rows = bleu_by_length(self.translations, self.references, lengths)
        return {
            "bleu": dict(bleu(self.translations, self.references)),
            "chrf": dict(chrf(self.translations, self.references)),
            "bleu_lowercased_tokenised": dict(bleu_lowercased_tokenised(self.translations, self.references)),
            "bleu_by_length": [{key: row[key] for key in ("min", "max", "sentences", "score")} for row in rows],
            "nll": self.totals.nll,
            "ppl": self.totals.ppl,
            "tokens": self.totals.tokens,
            "sentences": len(self.sources),
        }


def evaluate_translation(
    model: Seq2SeqNet,
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    search: SearchConfig | None = None,
) -> TranslationScore:
    """Translates `sources` and compares with `references`.

    Characters that a vocabulary does not have are left out, and words become ``<unk>``, as in training.

    Args:
        model: any translator; it is used without dropout, and left as it is.
        sources: raw text, a sentence each. references: all right translations of each sentence, at least one.
        search: part of what the score means; that of `SearchConfig` if None.

    Raises:
        UserError: nothing to translate, or a sentence without reference.
    """
    if len(sources) != len(references):
        raise UserError(f"{len(sources)} sentences, but references of {len(references)}")
    if not sources or not all(references):
        raise UserError("each sentence needs a reference, and there must be one sentence at least")
    unknown = _lenient(model.src_tokenizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LongSentenceWarning)  # a set of sentences is what it is
        translated = translate(model, sources, search=search or SearchConfig(), unknown=unknown)
    scored = score_translations(model, sources, [row[0] for row in references])
    return TranslationScore(list(sources), [list(row) for row in references], translated, sum(scored, Totals()))


def score_translations(model: Seq2SeqNet, sources: Sequence[str], targets: Sequence[str]) -> list[Totals]:
    """-ln p(target | source) of each pair, in nats, from the target's first token to its end.

    Pairs of like length are read side by side; that changes no pair's score.

    Args:
        model: any translator; it is used without dropout, and left as it is.
        sources: sentences. targets: a translation of each; what a vocabulary does not have is left out, and not
            counted.
    """
    src = source_rows(model, sources, _lenient(model.src_tokenizer))
    encoded = model.tgt_tokenizer.encode_all(list(targets), unknown=_lenient(model.tgt_tokenizer))
    tgt = [np.append(row.astype(np.int64), model.boundary) for row in encoded]
    totals = [Totals()] * len(src)
    most = max(1, min(_POSITIONS, MAX_LOGITS // model.vocab_size))
    lengths = [max(len(a) + 1, len(b)) for a, b in zip(src, tgt, strict=True)]
    with evaluating(model):
        for some in batches_by_length(lengths, most, most):
            out = padded([tgt[i] for i in some], model.boundary).to(device_of(model))
            given = torch.cat((torch.full_like(out[:, :1], model.boundary), out[:, :-1]), dim=1)
            logits = at_least_float32(model(*source_tensors(model, [src[i] for i in some]), given).flatten(0, 1))
            nats = F.cross_entropy(logits, out.flatten(), reduction="none").view_as(out).double().cpu().numpy()
            for i, row in zip(some, nats, strict=True):
                text = targets[i]
                size = len(text.encode("utf-8", "surrogatepass"))
                totals[i] = Totals(math.fsum(row[: len(tgt[i])]), len(tgt[i]), len(text), size)
    return totals


def _lenient(tokenizer: Tokenizer) -> Unknown:
    """Words become <unk>; characters that have no id are left out."""
    return "error" if tokenizer.unwritten else "drop"
