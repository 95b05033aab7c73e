"""Translation: text in, text out, many sentences at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rnnzoo.decoding import (
    Hypothesis,
    SamplingConfig,
    SearchConfig,
    beam_search,
    draw_sequences,
    fresh_seed,
    row_generators,
)
from rnnzoo.decoding.plan import TranslatorPlan
from rnnzoo.decoding.without import without
from rnnzoo.errors import UserError
from rnnzoo.inference import plans
from rnnzoo.inference.eval_mode import MAX_LOGITS
from rnnzoo.inference.translation.sentences import (
    Row,
    batches_by_length,
    longest_translation,
    source_rows,
    source_tensors,
)
from rnnzoo.networks import Seq2SeqNet
from rnnzoo.runtime.translation import Translation, translate_lines
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import Unknown

__all__ = ["LongSentenceWarning", "Translation", "longest_known", "translate", "translations"]

MAX_SOURCE = 1 << 14
"""Tokens of a source; whatever is longer is no sentence."""
_SYMBOLS = 1 << 11  # of a translation, unless `max_len` or `min_len` say more
_POSITIONS = 1 << 15  # of memory in a batch, all hypotheses counted: 100 MB where it has 400 features twice


class LongSentenceWarning(UserWarning):
    """A sentence is longer than any that the model was trained on."""


def translate(model: Seq2SeqNet, texts: str | Sequence[str], **options: Any) -> list[str]:
    """The best translation of each text, in their order; an empty one of an empty one.

    ::

        model.translate(["A man is riding a bicycle.", "Two dogs are playing."], beam=5)

    Args:
        model: any translator; it is used without dropout, and left as it is.
        texts: sentences, or a single one. The lines of a text are sentences: its translation has as many.
        options: those of `translations`.
    """
    return translate_lines(partial(translations, model), texts, **options)


def translations(
    model: Seq2SeqNet,
    texts: str | Sequence[str],
    search: SearchConfig | None = None,
    *,
    sampling: SamplingConfig | None = None,
    seed: int | None = None,
    prefix: str | Sequence[str] = "",
    unknown: Unknown = "error",
    batch_size: int = 64,
    backend: str = plans.AUTO,
    **options: Any,
) -> list[list[Translation]]:
    """The n best translations of each text, the best first, with their scores.

    Sentences of like length are translated side by side; that changes no translation, save where two score alike to
    the last digits. An empty text has one translation, which is empty.

    Args:
        model: any translator; it is used without dropout, and left as it is.
        texts: sentences, or a single one. Line breaks and other spaces in them count as a single space.
        search: beam, n-best, length penalty, limits. Without `max_len` a translation may have about twice as many
            tokens as its source, or four times as many characters, see `longest_translation`.
        sampling: draws `nbest` translations of each text instead of searching for them.
        seed: of the draws; the draws of a text do not depend on the others. None takes one at random.
        prefix: what each translation begins with, one for all or one for each text.
        unknown: ``"drop"`` leaves out characters that the vocabulary does not have.
        batch_size: at most so many sentences at once; changes nothing but speed and memory.
        backend: what the steps run on, see `rnnzoo.inference.plans`.
        options: `SearchConfig`'s fields, in place of `search`; `beam` is at least `nbest` where it is left out.

    Raises:
        UserError: a value is out of range, or a text has unknown characters.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    search = _search(search, options)
    prefixes = [prefix] * len(texts) if isinstance(prefix, str) else list(prefix)
    if len(prefixes) != len(texts):
        raise UserError(f"{len(texts)} texts, but {len(prefixes)} prefixes")
    if batch_size < 1:
        raise UserError(f"batch_size must be 1 or more, not {batch_size}")
    if sampling is not None and (search.no_repeat_ngram or any(prefixes)):
        raise UserError("no_repeat_ngram and prefix go with a beam; translations that are drawn have neither")
    sources = source_rows(model, texts, unknown)
    forced = [[int(i) for i in ids] for ids in model.tgt_tokenizer.encode_all(prefixes, unknown=unknown)]
    for number, row in enumerate(sources, 1):
        if len(row) > MAX_SOURCE:
            raise UserError(
                f"sentence {number} has {len(row):,} tokens, more than {MAX_SOURCE:,}: give a sentence a line"
            )
    _warn(model, sources)
    plan = plans.plan_of(model, backend)
    find = (
        _searching(model, plan, search, forced) if sampling is None else _drawing(model, plan, search, sampling, seed)
    )

    found: list[list[Translation]] = [[Translation("", (), 0.0, 0.0, True)] for _ in texts]
    busy = [index for index, row in enumerate(sources) if len(row)]
    beams = search.beam if sampling is None else search.nbest
    most = max(1, min(batch_size, MAX_LOGITS // (beams * model.vocab_size)))
    for some in batches_by_length([len(sources[i]) + 1 for i in busy], most, _POSITIONS // beams):
        indices = [busy[place] for place in some]
        for index, hypotheses in zip(indices, find(indices, [sources[i] for i in indices]), strict=True):
            found[index] = [_written(model.tgt_tokenizer, hypothesis) for hypothesis in hypotheses]
    return found


def longest_known(model: Seq2SeqNet) -> int:
    """Tokens of the longest source in training, without the boundary; 0 if that is not on record."""
    return max(model.config.max_source - 1, 0)


# --------------------------------------------------------------------------------------------------- parts

_Find = Callable[[list[int], list[Row]], list[list[Hypothesis]]]
"""The hypotheses of the texts with these indices and ids."""


def _search(search: SearchConfig | None, options: dict[str, Any]) -> SearchConfig:
    if search is None:
        return SearchConfig(**{"beam": max(SearchConfig.beam, options.get("nbest", 1))} | options)
    if options:
        raise TypeError(f"search is given, and so are {', '.join(options)}: one or the other")
    return search


def _limit(model: Seq2SeqNet, search: SearchConfig, length: int, forced: int = 0) -> int:
    """How many symbols a translation may have."""
    return search.max_len or max(min(longest_translation(model, length), _SYMBOLS), search.min_len + 1) + forced


def _searching(model: Seq2SeqNet, plan: TranslatorPlan, search: SearchConfig, forced: list[list[int]]) -> _Find:
    step, eos = without(plan.step, model.tgt_tokenizer.unwritten), model.boundary

    def find(indices: list[int], rows: list[Row]) -> list[list[Hypothesis]]:
        src, lengths = source_tensors(model, rows)
        state, memory = plan.encode(src, lengths)
        start, prefix = src.new_full((len(rows),), eos), [forced[i] for i in indices]
        limits = [_limit(model, search, len(row), len(p)) for row, p in zip(rows, prefix, strict=True)]
        return beam_search(step, start, state, memory, eos=eos, config=search, max_lens=limits, prefix=prefix)

    return find


def _drawing(
    model: Seq2SeqNet, plan: TranslatorPlan, search: SearchConfig, sampling: SamplingConfig, seed: int | None
) -> _Find:
    step, eos, count = without(plan.step, model.tgt_tokenizer.unwritten), model.boundary, search.nbest
    first = fresh_seed() if seed is None else seed

    def find(indices: list[int], rows: list[Row]) -> list[list[Hypothesis]]:
        src, lengths = source_tensors(model, rows)
        state, memory = plan.encode(src, lengths)
        drawn = draw_sequences(
            step,
            src.new_full((len(rows),), eos),
            state,
            memory,
            eos=eos,
            sampling=sampling,
            generators=[g for i in indices for g in row_generators(first + i * count, count)],
            max_lens=[_limit(model, search, len(row)) for row in rows],
            min_len=search.min_len,
        )
        return [sorted(some, key=lambda hypothesis: -hypothesis.score) for some in drawn]

    return find


def _written(tokenizer: Tokenizer, hypothesis: Hypothesis) -> Translation:
    reader = tokenizer.reader()
    text = "".join(map(reader.feed, hypothesis.tokens)) + reader.flush()
    return Translation(text, *hypothesis)


def _warn(model: Seq2SeqNet, sources: Sequence[Row]) -> None:
    known, longest = longest_known(model), max(map(len, sources), default=0)
    if known and longest > known:
        count = sum(len(row) > known for row in sources)
        which = "a sentence is" if count == 1 else f"{count} sentences are"
        warnings.warn(
            f"{which} longer than any that the model was trained on ({longest} tokens, {known} in training): expect "
            "the translation to be worse",
            LongSentenceWarning,
            stacklevel=3,
        )
