"""Evaluation that adapts: what is asked for, and a text's surprisals with and without it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnnzoo.inference.scoring.dynamic import DynamicConfig, DynamicReader
from rnnzoo.inference.scoring.neural_cache import CacheConfig
from rnnzoo.inference.scoring.surprisal import Reader, StaticReader, surprisals
from rnnzoo.networks import LanguageNet
from rnnzoo.shapes import Tensor

__all__ = ["Adaptation", "default_cache", "default_dynamic", "read_adapting"]

# Chosen on validation text by benchmarks/adapt.py; docs/adaptive-evaluation.md has the tables.
_DYNAMIC = {
    "char": {"sgd": DynamicConfig("sgd", lr=0.03), "rms": DynamicConfig("rms", lr=3e-4, decay=0.003)},
    "word": {"sgd": DynamicConfig("sgd", lr=0.5), "rms": DynamicConfig("rms", lr=1e-3, decay=0.003, epsilon=1.0)},
}
_CACHE = {"char": CacheConfig(2000, theta=0.4, mix=0.1), "word": CacheConfig(500, theta=0.4, mix=0.1)}


def default_dynamic(kind: str, rule: Literal["sgd", "rms"] = "sgd") -> DynamicConfig:
    """Good settings for models whose tokenizer is of this `kind`; bytes are taken for characters."""
    return _DYNAMIC["word" if kind == "word" else "char"][rule]


def default_cache(kind: str) -> CacheConfig:
    """Good settings for models whose tokenizer is of this `kind`; bytes are taken for characters."""
    return _CACHE["word" if kind == "word" else "char"]


@dataclass(frozen=True, eq=False)
class Adaptation:
    """How a model may learn from the text it is scored on; nothing is the model as it was trained.

    Attributes:
        dynamic: dynamic evaluation. cache: a continuous cache.
        statistics: the training text's gradients, from `gradient_statistics`; for the rule ``"rms"``.
    """

    dynamic: DynamicConfig | None = None
    cache: CacheConfig | None = None
    statistics: Sequence[Tensor] | None = None

    @property
    def name(self) -> str:
        """``"static"``, ``"dynamic"``, ``"cache"``, or ``"dynamic_cache"`` for both together."""
        return self.names[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """All that can be told apart: without any, with each, with both."""
        dynamic, cache = self.dynamic is not None, self.cache is not None
        kept = {"static": True, "dynamic": dynamic, "cache": cache, "dynamic_cache": dynamic and cache}
        return tuple(name for name, keep in kept.items() if keep)

    def settings(self, name: str) -> dict[str, Any]:
        """The settings of what is called `name`: ``"dynamic"``, ``"cache"``, or both, as plain values."""
        parts = {"dynamic": self.dynamic, "cache": self.cache}
        return {part: config.to_dict() for part, config in parts.items() if config and part in name.split("_")}


def read_adapting(
    model: LanguageNet, ids: npt.NDArray[Any], adaptation: Adaptation, names: Collection[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """The surprisals, in nats, of all tokens but the first, under the `names` of `adaptation` that are asked for.

    The text is one stream. The cache looks at the outputs of whichever model reads; dynamic evaluation learns from the
    model's own predictions, before the cache is mixed in. So two passes give all four.

    Args:
        model: any language model; it is left as it is.
        ids: (N,) the text.

    Returns:
        (N - 1,) float64 for each name.

    Raises:
        UserError: the model's logits are not numbers, or dynamic evaluation diverged.
        ValueError: the rule ``"rms"`` without statistics.
    """
    found: dict[str, npt.NDArray[np.float64]] = {}
    for plain, cached in (("static", "cache"), ("dynamic", "dynamic_cache")):
        if plain not in names and cached not in names:
            continue
        reader: Reader = StaticReader(model)
        if plain == "dynamic":
            assert adaptation.dynamic is not None
            reader = DynamicReader(model, adaptation.dynamic, adaptation.statistics)
        cache = adaptation.cache.build() if adaptation.cache is not None and cached in names else None
        nats, mixed = surprisals(reader, ids, cache)
        found |= {plain: nats} if mixed is None else {plain: nats, cached: mixed}
    return {name: found[name] for name in names}
