"""Dynamic evaluation: the paper's rule, nothing seen before it is predicted, and a model that stays as it was."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from adaptive import KINDS, build, contents, repeating, same
from torch.nn import functional as F

from rnnzoo.cells import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.adaptation import Adaptation, default_dynamic, read_adapting
from rnnzoo.inference.scoring.dynamic import DynamicConfig, DynamicReader, gradient_statistics
from rnnzoo.inference.scoring.surprisal import StaticReader, surprisals
from rnnzoo.models import LanguageModel

SGD = DynamicConfig("sgd", lr=0.3, decay=0.05, segment=7)
RMS = DynamicConfig("rms", lr=0.003, decay=0.1, segment=7, statistics=10)


def static(model: LanguageModel, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return surprisals(StaticReader(model), ids)[0]


def dynamic(model: LanguageModel, ids: np.ndarray[Any, Any], config: DynamicConfig = SGD) -> np.ndarray[Any, Any]:
    train = repeating(model, 200, seed=1)
    statistics = gradient_statistics(model, train, config) if config.rule == "rms" else None
    return surprisals(DynamicReader(model, config, statistics), ids)[0]


def by_hand(model: LanguageModel, ids: np.ndarray[Any, Any], config: DynamicConfig) -> np.ndarray[Any, Any]:
    """The paper's equations with PyTorch's own machinery, one parameter at a time."""
    model = copy.deepcopy(model).eval()
    trained = [p.detach().clone() for p in model.parameters()]
    rms = by_hand_statistics(model, repeating(model, 200, seed=1), config)
    mean = torch.cat([r.flatten() for r in rms]).mean()
    tokens, state, nats = torch.from_numpy(ids.astype(np.int64)), None, []
    for start in range(0, len(ids) - 1, config.segment):
        segment = tokens[start : start + config.segment + 1]
        logits, state = model(segment[None, :-1], state)
        state = tuple(type(layer)(*(leaf.detach() for leaf in layer)) for layer in state)
        loss = F.cross_entropy(logits[0], segment[1:], reduction="none")
        nats += loss.tolist()
        model.zero_grad()
        loss.mean().backward()
        with torch.no_grad():
            for p, p0, r in zip(model.parameters(), trained, rms, strict=True):
                scale, back = torch.ones_like(p), torch.full_like(p, config.decay)
                if config.rule == "rms":
                    scale, back = 1 / (r + config.epsilon * mean), torch.minimum(config.decay * r / mean, scale)
                p += back * (p0 - p) - config.lr * p.grad * scale
    return np.array(nats)


def by_hand_statistics(
    model: LanguageModel, ids: np.ndarray[Any, Any], config: DynamicConfig
) -> tuple[torch.Tensor, ...]:
    """Ten segments in the one stretch that 25 segments of 7 fit into, after a first that is only read."""
    tokens = torch.from_numpy(ids.astype(np.int64))
    squares, state = [torch.zeros_like(p) for p in model.parameters()], None
    for start in range(0, 11 * config.segment, config.segment):
        segment = tokens[start : start + config.segment + 1]
        loss, state = model.nll(segment[None, :-1], segment[None, 1:], state)
        state = tuple(type(layer)(*(leaf.detach() for leaf in layer)) for layer in state)
        gradients = torch.autograd.grad(loss / config.segment, list(model.parameters()))
        if start:
            squares = [s + g**2 for s, g in zip(squares, gradients, strict=True)]
    return tuple((s / 10).sqrt() for s in squares)


@pytest.mark.parametrize("config", [SGD, SGD.replace(decay=0.0), RMS], ids=["sgd", "sgd without decay", "rms"])
def test_it_is_the_rule_of_the_paper(config: DynamicConfig) -> None:
    model = build()
    ids = repeating(model)
    np.testing.assert_allclose(dynamic(model, ids, config), by_hand(model, ids, config), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [SGD, RMS], ids=["sgd", "rms"])
def test_it_learns_and_without_a_step_it_is_the_static_score(kind: str, config: DynamicConfig) -> None:
    model = build(kind)
    ids = repeating(model)
    before = static(model, ids)
    np.testing.assert_allclose(dynamic(model, ids, config.replace(lr=0.0)), before, rtol=1e-9)
    learned = dynamic(model, ids, config)
    np.testing.assert_allclose(learned[: config.segment], before[: config.segment], rtol=1e-9)
    assert learned.mean() < before.mean() - 0.05


@pytest.mark.parametrize("cell", CellConfig.names())
def test_every_cell(cell: str) -> None:
    model = build(cell=cell)
    ids = repeating(model, 150)
    np.testing.assert_allclose(dynamic(model, ids, SGD.replace(lr=0.0)), static(model, ids), rtol=1e-9)
    careful = SGD.replace(lr=SGD.lr / 10) if cell == "lru" else SGD  # its outputs, and so its gradients, have no bound
    assert dynamic(model, ids, careful).mean() < static(model, ids).mean()


@pytest.mark.parametrize("config", [SGD, RMS], ids=["sgd", "rms"])
def test_a_later_token_changes_no_earlier_score(config: DynamicConfig) -> None:
    """The token at place i + 1 is the target of score i."""
    model = build()
    ids = repeating(model, 60)
    scores = dynamic(model, ids, config)
    for place in (1, 6, 7, 8, 30, 59):
        changed = ids.copy()
        changed[place:] = (changed[place:] + 1) % model.vocab_size
        other = dynamic(model, changed, config)
        np.testing.assert_array_equal(other[: place - 1], scores[: place - 1])
        assert other[place - 1] != scores[place - 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [SGD, RMS], ids=["sgd", "rms"])
def test_the_model_stays_as_it_was(kind: str, config: DynamicConfig) -> None:
    model = build(kind).train()
    next(model.parameters()).requires_grad_(False)
    before = contents(model)
    dynamic(model, repeating(model, 50), config)
    assert same(before, contents(model))


def test_the_model_stays_as_it_was_when_it_goes_wrong() -> None:
    model = build("tied").train()
    before = contents(model)
    with pytest.raises(UserError, match=r"^dynamic evaluation diverged: choose an lr below 1e\+06$"):
        dynamic(model, repeating(model, 100), DynamicConfig(lr=1e6))
    beyond = np.append(repeating(model, 30), 200)  # an id that the model does not have
    with pytest.raises(IndexError):
        dynamic(model, beyond)
    assert same(before, contents(model))


def test_frozen_weights_learn_too_and_tied_ones_stay_tied() -> None:
    model = build("tied").requires_grad_(False)
    reader = DynamicReader(model, SGD)
    surprisals(reader, repeating(model, 50))
    assert reader._copy.head.weight is reader._copy.embedding.weight
    assert not torch.equal(reader._copy.embedding.weight, model.embedding.weight)


def test_a_shorter_last_segment_and_one_token() -> None:
    model = build()
    ids = repeating(model, 200)
    for length in (2, 7, 8, 9):
        np.testing.assert_allclose(dynamic(model, ids[:length]), dynamic(model, ids)[: length - 1], rtol=1e-9)


def test_half_precision_is_refused() -> None:
    model = build().bfloat16()
    with pytest.raises(UserError, match="float32"):
        DynamicReader(model, SGD)


def test_rms_needs_statistics_and_they_need_text() -> None:
    model = build()
    with pytest.raises(ValueError, match="statistics"):
        read_adapting(model, repeating(model), Adaptation(RMS), ["dynamic"])
    assert gradient_statistics(model, repeating(model, 15), RMS)[0].isfinite().all()
    with pytest.raises(UserError, match=r"^the training text has 14 tokens"):
        gradient_statistics(model, repeating(model, 14), RMS)


def test_statistics_are_spread_over_the_text() -> None:
    """Of a text whose end says something else than its beginning, they have seen the end."""
    model = build()
    ids = np.concatenate([np.zeros(3000, np.uint8), repeating(model, 1000)])
    config = RMS.replace(statistics=30)
    assert not torch.allclose(*(gradient_statistics(model, text, config)[0] for text in (ids, ids[:3000])))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rule": "adam"}, "rule"),
        ({"lr": -1.0}, "lr"),
        ({"lr": float("nan")}, "lr"),
        ({"lr": 2e6}, "lr"),
        ({"decay": 1.5}, "decay"),
        ({"decay": float("nan")}, "decay"),
        ({"segment": 0}, "segment"),
        ({"statistics": 0}, "statistics"),
        ({"epsilon": 0.0}, "epsilon"),
    ],
)
def test_settings_out_of_range(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DynamicConfig(**fields)
    with pytest.raises(UserError, match=message):
        DynamicConfig.from_dict(DynamicConfig().to_dict() | fields)


def test_defaults() -> None:
    for kind in ("char", "byte", "word"):
        for rule in ("sgd", "rms"):
            assert default_dynamic(kind, rule).rule == rule  # type: ignore[arg-type]
