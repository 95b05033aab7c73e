"""The score of a zoo entry or run, measured again on the text it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rnnzoo.data.cache import encoded
from rnnzoo.data.corpora import Corpus, load_corpus
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel
from rnnzoo.models.dynamic import DynamicConfig
from rnnzoo.models.neural_cache import CacheConfig
from rnnzoo.zoo.adapt import adapted_figures, prepare
from rnnzoo.zoo.folder import read_config, read_metrics
from rnnzoo.zoo.measure import measure

__all__ = ["entry_corpus", "score_entry"]

T = TypeVar("T")


def score_entry(
    model: LanguageModel,
    folder: Path,
    *,
    split: str | None = None,
    files: Sequence[str] | None = None,
    dynamic: DynamicConfig | None = None,
    cache: CacheConfig | None = None,
) -> dict[str, Any]:
    """Measures `model` on its own text as its config.json describes it.

    Args:
        model: the model in `folder`. split: ``"valid"`` or ``"test"``; the one on record when left out.
        files: where own text files now are; the folder has only their names.
        dynamic: dynamic evaluation beside. cache: a continuous cache beside; both given, each and both together.

    Returns:
        nll, ppl, bits, tokens, split, eval_streams, corpus and its hash, and what is on record; with `dynamic` or
        `cache`, the figures of `rnnzoo.zoo.adapt.adapted_figures`.

    Raises:
        UserError: the text is not there, or has no such part.
    """
    metrics, data = read_metrics(folder), read_config(folder).get("data", {})
    corpus = entry_corpus(data, files)
    split = split or _recorded(metrics, str, "split") or "valid"
    if split not in corpus.splits:
        raise UserError(f"{corpus.name}: has no part {split!r} (it has {', '.join(corpus.splits)})")
    streams = data.get("eval_streams", 1)
    if type(streams) is not int or streams < 1:
        raise UserError("eval_streams must be a positive number", path=folder / "config.json")
    ids = encoded(corpus.splits[split], model.tokenizer)
    totals = measure(model, ids, streams, what=corpus.name)
    adaptation = prepare(model, corpus, dynamic, cache)
    adapted = adapted_figures(model, ids, adaptation, what=corpus.name) if dynamic or cache else {}
    return {
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        "split": split,
        "tokenizer": model.tokenizer.kind,
        "tokens": totals.tokens,
        "eval_streams": streams,
        "nll": totals.nll,
        "bits": totals.bits_per_token,
        "ppl": totals.ppl,
        "recorded_nll": _recorded(metrics, float, "scores", split, "nll"),
        "recorded_sha256": _recorded(metrics, str, "corpus", "sha256"),
        **adapted,
    }


def _recorded(metrics: Mapping[str, Any], kind: type[T], *keys: str) -> T | None:
    """A value of metrics.json, which nothing vouches for; None where it is not there as `kind`."""
    value: Any = metrics
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, kind) else None


def entry_corpus(data: Mapping[str, Any], files: Sequence[str] | None = None) -> Corpus:
    """The text of a config's data section; the section comes from a file that may be anybody's.

    Raises:
        UserError: the text is not there, or the section does not say which it is.
    """
    own = data.get("files") or []
    if own and not files:
        names = " ".join(str(name) for name in own)
        raise UserError(f"this model was trained on your own text ({names}): say where it is with --text")
    corpus, hub, column = data.get("corpus"), data.get("hub"), data.get("text_column", "text")
    if not all(value is None or isinstance(value, str) for value in (corpus, hub, column)):
        raise UserError("the data section of config.json is not one that rnnzoo wrote")
    test_part = data.get("test_part") is True
    if files:
        return load_corpus(files=files, test_part=test_part)
    if corpus is None and hub is None:
        raise UserError("its config.json names no text: say with --text what it is to be measured on")
    return load_corpus(corpus, hub=hub, text_column=str(column), test_part=test_part)
