"""Activation penalties: what the paper adds to the loss, and nothing for what is not counted."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.nn import IGNORED
from rnnzoo.training import RegularizationConfig


def test_the_papers_penalties() -> None:
    features, dropped = torch.randn(3, 5, 4), torch.randn(3, 5, 4)
    targets = torch.zeros(3, 5, dtype=torch.int64)
    penalty = RegularizationConfig(activation=2.0, temporal=0.5).penalty(features, dropped, targets)
    activation = 2.0 * dropped.pow(2).mean() * targets.numel()
    temporal = 0.5 * (features[:, 1:] - features[:, :-1]).pow(2).mean() * 3 * 4
    torch.testing.assert_close(penalty, activation + temporal)


def test_padding_and_single_steps() -> None:
    config = RegularizationConfig(activation=1.0, temporal=1.0)
    features = torch.randn(2, 4, 3)
    targets = torch.tensor([[1, 1, 1, 1], [1, 1, IGNORED, IGNORED]])
    changed = features.clone()
    changed[1, 2:] = float("nan")
    torch.testing.assert_close(
        config.penalty(changed, changed, targets), config.penalty(features, features, targets), equal_nan=False
    )
    one = config.penalty(features[:, :1], features[:, :1], targets[:, :1])
    torch.testing.assert_close(one, features[:, 0].square().mean(-1).sum())


def test_none() -> None:
    assert not RegularizationConfig()
    assert RegularizationConfig(temporal=1.0)
    with pytest.raises(ValueError, match="0 <= "):
        RegularizationConfig(activation=-1.0)
