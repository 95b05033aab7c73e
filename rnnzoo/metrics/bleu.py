"""BLEU and chrF of translations, by sacreBLEU, with the signature that says how they were computed (Post, 2018).

Both compare text as people write it: detokenised, case kept. A figure without its signature compares with nothing:
tokenisation and case alone move BLEU by several points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

__all__ = ["LengthScore", "Score", "bleu", "bleu_by_length", "bleu_lowercased_tokenised", "chrf"]


class Score(TypedDict):
    """A figure from 0 to 100 and sacreBLEU's signature of it."""

    score: float
    signature: str


class LengthScore(TypedDict):
    """BLEU of the sentences whose source is `min` to `max` long (None: any longer), and how many those are."""

    min: int
    max: int | None
    sentences: int
    score: float
    signature: str


def bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    """Corpus BLEU as it is published (Papineni et al., 2002): cased, tokenised by ``13a``, exponential smoothing.

    Args:
        hypotheses: one translation a sentence, detokenised; it may be empty.
        references: the right translations of each sentence, at least one, of any number: each n-gram may match any
            of them, and the brevity penalty takes the one nearest in length. The signature then says ``nrefs:var``.

    Raises:
        UserError: no sentence at all, a sentence without reference, or unequal numbers of both.
    """
    from sacrebleu.metrics.bleu import BLEU

    return _score(BLEU(), hypotheses, references)


def bleu_lowercased_tokenised(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    """BLEU of lower-cased tokens, as papers before sacreBLEU print it; above `bleu`, since fewer words differ.

    The tokens are those of ``13a``, which leaves an apostrophe inside its word where Moses splits (*l'homme*): a
    paper's figure still is not the same measure to the digit. Arguments and errors as for `bleu`.
    """
    from sacrebleu.metrics.bleu import BLEU

    return _score(BLEU(lowercase=True, force=True), hypotheses, references)


def chrf(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    """Corpus chrF2, the F-score of character n-grams (Popović, 2015), which credits a word that is nearly right.

    Of several references the best counts. Arguments and errors as for `bleu`.
    """
    from sacrebleu.metrics.chrf import CHRF

    return _score(CHRF(), hypotheses, references)


def bleu_by_length(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    source_lengths: Sequence[int],
    edges: Sequence[int] = (10, 20, 30, 40),
) -> list[LengthScore]:
    """BLEU of the sentences of each length: shows what a model without attention forgets (Cho et al., 2014).

    Args:
        hypotheses: as for `bleu`. references: as for `bleu`.
        source_lengths: of each source sentence, in any unit: words, say.
        edges: rising; the longest length of each bin but the last, which is open.

    Returns:
        One row a bin that has sentences, shortest first.

    Raises:
        UserError: as for `bleu`, or edges that do not rise.
    """
    if list(edges) != sorted(set(edges)):
        raise UserError(f"the edges of lengths must rise, not {', '.join(map(str, edges))}")
    _check(hypotheses, references)
    if len(source_lengths) != len(hypotheses):
        raise UserError(f"{len(hypotheses)} translations, but {len(source_lengths)} lengths of sources")
    rows: list[LengthScore] = []
    least = 0
    for most in (*edges, None):
        chosen = [i for i, n in enumerate(source_lengths) if n >= least and (most is None or n <= most)]
        if chosen:
            score = bleu([hypotheses[i] for i in chosen], [references[i] for i in chosen])
            rows.append({"min": least, "max": most, "sentences": len(chosen), **score})
        least = 0 if most is None else most + 1
    return rows


def _score(metric: Metric, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    _check(hypotheses, references)
    # sacreBLEU takes the first references of all sentences, then the second ones, ...; None is no reference, while
    # "" would be one of length 0.
    most = max(map(len, references))
    columns: list[list[Any]] = [[row[k] if k < len(row) else None for row in references] for k in range(most)]
    score = float(metric.corpus_score(list(hypotheses), columns).score)
    return {"score": score, "signature": str(metric.get_signature())}


def _check(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if len(hypotheses) != len(references):
        raise UserError(f"{len(hypotheses)} translations, but references of {len(references)} sentences")
    if not hypotheses:
        raise UserError("there is no translation to score")
    for number, row in enumerate(references, start=1):
        if isinstance(row, str):
            raise TypeError("references are a list of strings for each sentence, not one string")
        if not row:
            raise UserError(f"sentence {number} has no reference")
