"""Which text a model was trained on, and what that text may be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnzoo.data.catalogue import CATALOGUE
from rnnzoo.data.sources import CorpusEntry

__all__ = ["trained_on"]


def trained_on(metrics: Mapping[str, Any], config: Mapping[str, Any]) -> CorpusEntry | None:
    """The corpus of the catalogue that a model was trained on; None for any other text.

    Args:
        metrics: its metrics.json, where a corpus of pairs goes by its name and direction, ``"multi30k en-fr"``.
        config: its config.json.
    """
    data, corpus = config.get("data"), metrics.get("corpus")
    for place, key in ((data, "corpus"), (corpus, "name")):
        name = place.get(key) if isinstance(place, Mapping) else None
        if isinstance(name, str) and name in CATALOGUE:
            return CATALOGUE[name]
    return None
