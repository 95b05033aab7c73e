"""NT-ASGD: when it begins to average, what the average is, and that it survives a checkpoint."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from rnnzoo.training import NTASGD, OptimizerConfig


def made(patience: int = 2) -> tuple[nn.Linear, NTASGD]:
    layer = nn.Linear(3, 2)
    optimizer = OptimizerConfig.from_dict({"name": "nt_asgd", "lr": 0.1, "patience": patience}).build(
        layer.named_parameters()
    )
    assert isinstance(optimizer, NTASGD)
    return layer, optimizer


def step(layer: nn.Linear, optimizer: NTASGD, seed: int) -> None:
    optimizer.zero_grad()
    layer(torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize(
    ("patience", "losses", "begins"),
    [
        (2, [5, 4, 3, 2, 1], None),
        (2, [5, 4, 6, 7], 3),  # worse than the best of those before the last two
        (2, [5, 4.5, 4.4, 4.6, 4.7], 4),
        (0, [5, 4, 4.5], 2),
        (5, [9, 8, 7, 6, 5, 4, 3, 8.5, 9.5], 7),
        (5, [9, 9, 9, 9, 9, 9, 9], None),  # no better is not worse
    ],
)
def test_when_averaging_begins(patience: int, losses: list[float], begins: int | None) -> None:
    _, optimizer = made(patience)
    found = None
    for number, loss in enumerate(losses):
        optimizer.observe(loss)
        if optimizer.averaging and found is None:
            found = number
    assert found == begins


def test_the_average_is_the_mean_of_the_weights_since() -> None:
    layer, optimizer = made()
    step(layer, optimizer, 0)
    optimizer.swap()
    assert not optimizer.swapped  # there is no mean yet
    optimizer.trigger()
    seen = []
    for seed in range(1, 6):
        step(layer, optimizer, seed)
        seen.append(layer.weight.detach().clone())
    optimizer.swap()
    assert optimizer.swapped
    torch.testing.assert_close(layer.weight.detach(), torch.stack(seen).mean(0))
    optimizer.swap()
    assert torch.equal(layer.weight.detach(), seen[-1])


def test_it_trains_as_sgd_does() -> None:
    layer, optimizer = made()
    twin = copy.deepcopy(layer)
    plain = torch.optim.SGD(twin.parameters(), lr=0.1)
    optimizer.trigger()
    for seed in range(4):
        step(layer, optimizer, seed)
        plain.zero_grad()
        twin(torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))).square().sum().backward()
        plain.step()
    assert torch.equal(layer.weight, twin.weight)


def test_a_checkpoint_keeps_it_all() -> None:
    layer, optimizer = made()
    optimizer.observe(3.0)
    optimizer.trigger()
    for seed in range(3):
        step(layer, optimizer, seed)
    twin, other = made()
    twin.load_state_dict(layer.state_dict())
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for seed in range(3, 6):
        step(layer, optimizer, seed)
        step(twin, other, seed)
    for one in (optimizer, other):
        one.observe(2.0)
        one.swap()
    assert torch.equal(layer.weight, twin.weight)
    assert optimizer.param_groups[0]["observed"] == other.param_groups[0]["observed"] == [3.0, 2.0]
