"""Classifiers as nets: padding says nothing, token by token is the whole, every pooling is what its name says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_classifier import small_classifier

from rnnzoo.cells import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.networks.pooling import Pooling

POOLINGS: tuple[Any, ...] = ("last", "mean", "max", "attention", ("last", "mean", "max", "attention"))
LENGTHS = torch.tensor([7, 3, 1, 0])


def rows() -> torch.Tensor:
    return torch.randint(9, (4, 7), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_says_nothing(pooling: Any, bidirectional: bool) -> None:
    model = small_classifier(pooling=pooling, bidirectional=bidirectional).eval().double()
    tokens, other = rows(), rows()
    for row, length in enumerate(LENGTHS.tolist()):
        other[row, length:] = 8
    together = model(tokens, LENGTHS)
    assert torch.equal(together, model(other, LENGTHS))
    wider = torch.cat([tokens, tokens], 1)
    torch.testing.assert_close(model(wider, LENGTHS), together, rtol=0, atol=1e-12)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(tokens[row : row + 1, : max(length, 1)], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-12)
    model.zero_grad()
    model(tokens, LENGTHS)[3].sum().backward()  # the row without tokens
    assert all(p.grad is None or not p.grad.any() for name, p in model.named_parameters() if "head" not in name)


@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
def test_step_by_step_is_the_whole(pooling: Any) -> None:
    model, tokens = small_classifier(pooling=pooling).eval().double(), rows()
    state = model.initial_state(4)
    for t in range(tokens.size(1)):
        said, state = model.step(tokens[:, t], state)
        torch.testing.assert_close(said, model(tokens[:, : t + 1]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CellConfig.names())
def test_any_cell(cell: str) -> None:
    stack = {"cell": cell, "hidden_size": 8, "num_layers": 1}
    for both in (False, True):
        model = small_classifier(backbone=stack, bidirectional=both, pooling=["last", "max"]).eval()
        tokens = rows()
        torch.testing.assert_close(model(tokens, LENGTHS)[1], model(tokens[1:2, :3])[0], rtol=1e-4, atol=1e-5)


def test_both_ways_there_is_no_token_by_token() -> None:
    model = small_classifier(bidirectional=True)
    for ask in (lambda: model.initial_state(1), model.session):
        with pytest.raises(UserError, match="reads both ways"):
            ask()


def test_pooling_is_what_its_name_says() -> None:
    outputs, lengths = torch.randn(2, 5, 4), torch.tensor([5, 2])
    pooled = Pooling(("last", "mean", "max"), 4)(outputs, lengths)
    for row, length in enumerate([5, 2]):
        own = outputs[row, :length]
        torch.testing.assert_close(pooled[row], torch.cat([own[-1], own.mean(0), own.max(0).values]))
    both = Pooling(("last",), 4, both_ways=True)(outputs, lengths)
    torch.testing.assert_close(both[1], torch.cat([outputs[1, 1, :2], outputs[1, 0, 2:]]))
    attention = Pooling(("attention",), 4)
    assert attention.attention is not None
    weights = attention.attention(outputs[1, :2]).softmax(0)
    torch.testing.assert_close(attention(outputs, lengths)[1], (weights * outputs[1, :2]).sum(0))


def test_several_labels_are_decided_one_by_one() -> None:
    model = small_classifier(several=True).eval()
    logits = model(rows(), LENGTHS)
    targets = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    p = logits.sigmoid()
    expected = -(targets * p.log() + (1 - targets) * (1 - p).log()).sum(1)
    torch.testing.assert_close(model.nll(logits, targets), expected)
    torch.testing.assert_close(model.probabilities_of(logits), p)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": []}, "needs labels"),
        ({"labels": ["a"]}, "two or more"),
        ({"labels": ["a", "a"]}, "stands there twice"),
        ({"pooling": []}, "pooling"),
        ({"pooling": ["max", "max"]}, "none of them twice"),
        ({"pooling": "mode"}, "unknown value 'mode'"),
    ],
)
def test_what_does_not_fit(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((UserError, ValueError), match=message):
        small_classifier(**fields)


def test_depths_hold_every_parameter_once_from_the_top_down() -> None:
    for both in (False, True):
        stack = {"cell": "lstm", "hidden_size": 6, "num_layers": 3, "layer_norm": True}
        model = small_classifier(
            backbone=stack, bidirectional=both, pooling="attention", readout_size=5, embedding_projection=4
        )
        found = [id(p) for layer in model.depths() for p in layer]
        assert sorted(found) == sorted(map(id, model.parameters()))
        names = {id(p): name for name, p in model.named_parameters()}
        depths = [{names[id(p)].split(".")[0] for p in layer} for layer in model.depths()]
        assert len(depths) == 5
        assert depths[0] == {"head", "readout", "pooling"}
        assert depths[-1] == {"embedding", "embedding_projection"}
