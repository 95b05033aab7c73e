"""Muon and AdamW as one optimiser, and the schedule that stays warm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.training.muon import Muon, MuonConfig
from rnnzoo.training.optim import OneCycleConfig, OptimizerConfig, ScheduleConfig, WarmStableDecayConfig

CONFIG = MuonConfig(lr=0.01, weight_decay=0.1)


class Small(nn.Module):
    """A table, a hidden matrix with its bias, a convolution and an output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.hidden = nn.Embedding(5, 4), nn.Linear(4, 6)
        self.conv, self.head = nn.Conv1d(6, 6, 2), nn.Linear(6, 5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.hidden(self.embedding(tokens)))
        logits: torch.Tensor = self.head(self.conv(hidden.transpose(1, 2)).transpose(1, 2))
        return logits


def small() -> Small:
    torch.manual_seed(0)
    return Small()


def step(model: Small, optimizer: torch.optim.Optimizer, seed: int) -> float:
    tokens = torch.randint(5, (3, 7), generator=torch.Generator().manual_seed(seed))
    model.zero_grad()  # of whatever optimiser
    loss = nn.functional.cross_entropy(model(tokens)[:, :-1].flatten(0, 1), tokens[:, 2:].flatten())
    loss.backward()
    optimizer.step()
    return loss.item()


def test_who_has_what() -> None:
    model = small()
    optimizer = CONFIG.build(model.named_parameters())
    assert isinstance(optimizer, Muon)
    assert [one is model.hidden.weight for one in optimizer.param_groups[0]["params"]] == [True]
    others = [parameter for group in optimizer.param_groups[1:] for parameter in group["params"]]
    assert len(others) == len(list(model.parameters())) - 1
    assert {group["weight_decay"] for group in optimizer.param_groups[1:]} == {0.1, 0.0}
    assert OptimizerConfig.from_dict({"name": "muon", "lr": 0.01, "weight_decay": 0.1}) == CONFIG


def test_each_part_is_pytorchs_own() -> None:
    """Two steps, against the two optimisers by hand."""
    ours, theirs = small(), small()
    optimizer = CONFIG.build(ours.named_parameters())
    rest = [one for one in theirs.parameters() if one is not theirs.hidden.weight]
    by_hand = [
        torch.optim.Muon(
            [theirs.hidden.weight], lr=0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW([one for one in rest if one.dim() > 1], lr=0.01, weight_decay=0.1, betas=(0.9, 0.99)),
        torch.optim.AdamW([one for one in rest if one.dim() == 1], lr=0.01, weight_decay=0.0, betas=(0.9, 0.99)),
    ]
    for seed in (1, 2):
        step(ours, optimizer, seed)
        step(theirs, by_hand[0], seed)
        for part in by_hand[1:]:
            part.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_goes_on_exactly() -> None:
    whole, first = small(), small()
    optimizer = CONFIG.build(whole.named_parameters())
    for seed in range(6):
        step(whole, optimizer, seed)
    begun = CONFIG.build(first.named_parameters())
    for seed in range(3):
        step(first, begun, seed)
    second = small()
    second.load_state_dict(first.state_dict())
    resumed = CONFIG.build(second.named_parameters())
    resumed.load_state_dict(begun.state_dict())
    for seed in range(3, 6):
        step(second, resumed, seed)
    for one, other in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_every_schedule_moves_both() -> None:
    for name in ScheduleConfig.names():
        if name in ("plateau", "zaremba"):
            continue  # by epoch
        optimizer = CONFIG.build(small().named_parameters())
        scheduler = ScheduleConfig.from_dict({"name": name}).build(optimizer, 10, 20)["scheduler"]
        rates = []
        for _ in range(19):
            optimizer.step()
            scheduler.step()
            found = {group["lr"] for group in optimizer.param_groups}
            assert len(found) == 1, name
            rates.append(found.pop())
        assert max(rates) <= 0.01 + 1e-12
        assert name == "constant" or rates[-1] < 0.004, name
    assert OneCycleConfig.name == "one_cycle"


def test_what_has_no_hidden_matrix() -> None:
    with pytest.raises(UserError, match="this model has none beside its tables"):
        CONFIG.build([("embedding.weight", nn.Parameter(torch.zeros(3, 2)))])


def test_warm_stable_decay_by_hand() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = WarmStableDecayConfig(warmup=0.2, decay=0.4).build(optimizer, 10, 10)["scheduler"]
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
    with pytest.raises(UserError, match="say how long that is"):
        WarmStableDecayConfig().build(optimizer, 10, 0)
    with pytest.raises(ValueError, match="together at most 1"):
        WarmStableDecayConfig(warmup=0.5, decay=0.6)
