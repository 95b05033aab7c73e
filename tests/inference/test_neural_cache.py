"""The continuous cache: the paper's formula, whatever the chunks, and nothing seen before it is predicted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from adaptive import KINDS, build, contents, repeating, same

from rnnzoo.errors import UserError
from rnnzoo.inference.scoring import neural_cache
from rnnzoo.inference.scoring.adaptation import Adaptation, default_cache, read_adapting
from rnnzoo.inference.scoring.dynamic import DynamicConfig
from rnnzoo.inference.scoring.neural_cache import CacheConfig
from rnnzoo.inference.scoring.surprisal import StaticReader, surprisals
from rnnzoo.models import LanguageModel

CONFIG = CacheConfig(window=20, theta=0.8, mix=0.2)


def cached(
    model: LanguageModel, ids: np.ndarray[Any, Any], config: CacheConfig = CONFIG, chunk_len: int = 1024
) -> np.ndarray[Any, Any]:
    mixed = surprisals(StaticReader(model, chunk_len), ids, config.build())[1]
    assert mixed is not None
    return mixed


def by_hand(model: LanguageModel, ids: np.ndarray[Any, Any], config: CacheConfig) -> np.ndarray[Any, Any]:
    """The paper's equations 3 and 4, a token at a time."""
    tokens = torch.from_numpy(ids.astype(np.int64))
    model.eval()
    with torch.no_grad():
        hidden = model.hidden(tokens[None, :-1])[0][0]
        probabilities = model.head(hidden).softmax(-1)
    nats = []
    for t in range(len(hidden)):
        p = probabilities[t].clone()
        places = range(max(0, t - config.window), t)
        if places:
            cache = torch.zeros_like(p)
            for i in places:
                cache[tokens[i + 1]] += torch.exp(config.theta * hidden[t] @ hidden[i])
            p = (1 - config.mix) * p + config.mix * cache / cache.sum()
        assert p.sum().item() == pytest.approx(1)
        nats.append(-math.log(p[tokens[t + 1]]))
    return np.array(nats)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_formula_of_the_paper(kind: str) -> None:
    model = build(kind)
    ids = repeating(model, 100)
    np.testing.assert_allclose(cached(model, ids), by_hand(model, ids, CONFIG), rtol=1e-9)


@pytest.mark.parametrize("window", [1, 7, 20, 1000])
@pytest.mark.parametrize("chunk_len", [1, 7, 20, 33])
def test_chunks_do_not_matter(chunk_len: int, window: int) -> None:
    model = build()
    ids, config = repeating(model, 150), CONFIG.replace(window=window)
    np.testing.assert_allclose(cached(model, ids, config, chunk_len), by_hand(model, ids, config), rtol=1e-9)


def test_nor_do_the_blocks_of_a_large_product(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    ids = repeating(model, 150)
    whole = cached(model, ids)
    monkeypatch.setattr(neural_cache, "_MAX_PAIRS", 400)
    np.testing.assert_allclose(cached(model, ids), whole, rtol=1e-12)


def test_without_a_part_in_the_mixture_it_is_the_static_score() -> None:
    model = build()
    ids = repeating(model)
    np.testing.assert_array_equal(cached(model, ids, CONFIG.replace(mix=0.0)), surprisals(StaticReader(model), ids)[0])


def test_a_later_token_changes_no_earlier_score() -> None:
    model = build()
    ids = repeating(model, 60)
    scores = cached(model, ids, chunk_len=25)
    for place in (1, 2, 24, 25, 26, 59):
        changed = ids.copy()
        changed[place:] = (changed[place:] + 1) % model.vocab_size
        other = cached(model, changed, chunk_len=25)
        np.testing.assert_array_equal(other[: place - 1], scores[: place - 1])
        assert other[place - 1] != scores[place - 1]


def test_it_remembers_what_was_said() -> None:
    model = build()
    ids = repeating(model)
    assert cached(model, ids).mean() < surprisals(StaticReader(model), ids)[0].mean() - 0.05


def test_similarities_beyond_a_float() -> None:
    model = build().float()
    scores = cached(model, repeating(model), CONFIG.replace(theta=1e4))
    assert np.isfinite(scores).all()


def test_half_precision_is_mixed_in_float32() -> None:
    model = build()
    ids = repeating(model)
    exact = cached(model, ids).mean()
    assert cached(model.bfloat16(), ids).mean() == pytest.approx(exact, abs=0.02)


def test_beside_dynamic_evaluation() -> None:
    """One pass for both; the cache looks at the outputs of the model that learns, which does not learn from it."""
    model = build().train()
    ids, before = repeating(model), contents(model)
    both = Adaptation(DynamicConfig(lr=0.3, segment=7), CONFIG)
    found = read_adapting(model, ids, both, both.names)
    assert list(found) == ["static", "dynamic", "cache", "dynamic_cache"]
    np.testing.assert_array_equal(found["cache"], cached(model, ids))
    alone = Adaptation(both.dynamic)
    np.testing.assert_array_equal(found["dynamic"], read_adapting(model, ids, alone, ["dynamic"])["dynamic"])
    means = {name: nats.mean() for name, nats in found.items()}
    assert means["dynamic_cache"] < min(means["dynamic"], means["cache"]) < means["static"]
    frozen = Adaptation(DynamicConfig(lr=0.0, segment=7), CONFIG)
    same_as_cache = read_adapting(model, ids, frozen, ["dynamic_cache"])["dynamic_cache"]
    np.testing.assert_allclose(same_as_cache, found["cache"], rtol=1e-9)
    assert same(before, contents(model))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 0}, "window"),
        ({"theta": -0.1}, "theta"),
        ({"theta": float("inf")}, "theta"),
        ({"mix": 1.0}, "mix"),
        ({"mix": -0.1}, "mix"),
        ({"mix": float("nan")}, "mix"),
    ],
)
def test_settings_out_of_range(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CacheConfig(**fields)
    with pytest.raises(UserError, match=message):
        CacheConfig.from_dict(CacheConfig().to_dict() | fields)


def test_defaults() -> None:
    assert default_cache("byte") == default_cache("char")
    assert default_cache("word").build().config == default_cache("word")
