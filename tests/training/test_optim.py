"""Learning rates over a run, step by step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import small_lm
import torch
from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.training import OptimizerConfig, ScheduleConfig

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]


def curve(schedule: dict[str, Any], steps: int = 100, per_epoch: int = 10, optimizer: str = "adamw") -> list[float]:
    """The rate that each step uses; no warning, nor after the last step."""
    layer = nn.Linear(2, 3)
    optimiser = OptimizerConfig.from_dict({"name": optimizer, "lr": 0.5}).build(layer.named_parameters())
    plan = ScheduleConfig.from_dict(schedule).build(optimiser, per_epoch, steps)
    rates = []
    for step in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        assert {group["lr"] for group in optimiser.param_groups} == {rates[-1]}
        layer(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        if plan["interval"] == "step" or (step + 1) % per_epoch == 0:
            plan["scheduler"].step()
    return rates


def test_constant() -> None:
    assert curve({"name": "constant"}) == [0.5] * 100
    assert curve({"name": "constant", "warmup_steps": 5}) == pytest.approx([0.1, 0.2, 0.3, 0.4] + [0.5] * 96)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine(final: float) -> None:
    """Rises in a straight line, falls as half a cosine, ends at the final rate."""
    rates = curve({"name": "cosine", "warmup": 0.1, "final": final}, steps=200)
    assert rates[:21] == pytest.approx([0.5 * (i + 1) / 21 for i in range(21)])
    low = 0.5 * final
    expected = [low + (0.5 - low) * (1 + math.cos(math.pi * i / 180)) / 2 for i in range(180)]
    assert rates[20:] == pytest.approx(expected, abs=1e-6)


def test_one_cycle() -> None:
    rates = curve({"name": "one_cycle"}, steps=99)
    assert rates[0] == pytest.approx(0.5 / 25)
    assert rates.index(max(rates)) == 29
    assert max(rates) == pytest.approx(0.5)
    assert rates[:30] == sorted(rates[:30])
    assert rates[29:] == sorted(rates[29:], reverse=True)
    assert rates[-1] < 0.5 / 500


@pytest.mark.parametrize("warmup", [0, 0.1, 0.3, 0.5, 1])
@pytest.mark.parametrize("steps", [1, 2, 3, 9])
@pytest.mark.parametrize("name", ["one_cycle", "cosine"])
def test_runs_of_a_few_steps(name: str, steps: int, warmup: float) -> None:
    rates = curve({"name": name, "warmup": warmup}, steps=steps)
    assert all(0 <= rate <= 0.5 for rate in rates)
    assert max(rates) > 0


def test_one_cycle_leaves_sgd_without_momentum() -> None:
    """PyTorch's OneCycleLR would give it momentum."""
    weight = nn.Parameter(torch.ones(1))
    for momentum, cycles in ((0.0, False), (0.9, True)):
        config = OptimizerConfig.from_dict({"name": "sgd", "momentum": momentum})
        optimiser = config.build([("w", weight)])
        ScheduleConfig.from_dict("one_cycle").build(optimiser, 10, 10)
        assert optimiser.param_groups[0]["momentum"] == (0.95 if cycles else 0.0)


def test_zaremba() -> None:
    rates = curve({"name": "zaremba", "constant_epochs": 4, "decay": 2.0})
    assert rates[::10] == [0.5] * 4 + [0.5 / 2**i for i in range(1, 7)]
    assert all(len(set(rates[i : i + 10])) == 1 for i in range(0, 100, 10))


def test_plateau() -> None:
    optimiser = OptimizerConfig.from_dict("sgd").build([("w", nn.Parameter(torch.ones(1)))])
    plan = ScheduleConfig.from_dict({"name": "plateau", "factor": 0.5, "patience": 1}).build(optimiser, 10, 100)
    assert (plan["interval"], plan["monitor"]) == ("epoch", "val/nll")
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.0, 1.0, 1.5, 1.5, 1.5):
        plan["scheduler"].step(torch.tensor(loss, dtype=torch.float64))
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_a_run_without_an_end() -> None:
    for name in ("one_cycle", "cosine"):
        with pytest.raises(UserError, match=r"max_epochs or trainer\.max_steps"):
            curve({"name": name}, steps=0)
    for name in ("constant", "zaremba", "plateau"):
        curve({"name": name}, steps=0)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "one_cycle", "warmup": 1.5}, "warmup: 0 <= warmup <= 1"),
        ({"name": "cosine", "final": -0.1}, "final: 0 <= final <= 1"),
        ({"name": "onecycle"}, r"unknown schedule 'onecycle' \(did you mean 'one_cycle'"),
        ({"name": "zaremba", "decays": 2}, r"decays: unknown field \(did you mean 'decay'"),
    ],
)
def test_bad_sections(section: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ScheduleConfig.from_dict(section)


def test_matrices_decay_and_vectors_do_not() -> None:
    layer = nn.Linear(2, 3)
    for name in ("adamw", "sgd"):
        optimiser = OptimizerConfig.from_dict({"name": name, "weight_decay": 0.3}).build(layer.named_parameters())
        decays = [(group["weight_decay"], [p.dim() for p in group["params"]]) for group in optimiser.param_groups]
        assert decays == [(0.3, [2]), (0.0, [1])]
        assert all(group["fused"] for group in optimiser.param_groups)
    layer.weight.requires_grad_(False)
    optimiser = OptimizerConfig.from_dict("adamw").build(layer.named_parameters())
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.0]


# ------------------------------------------------------------------- how many steps a run has, by the trainer

CHUNKS = 12  # of an epoch, below


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_epochs": 3}, (12, 36)),
        ({"max_epochs": 3, "accumulate_grad_batches": 5}, (3, 9)),
        ({"max_epochs": 2, "limit_train_batches": 7}, (7, 14)),
        ({"max_epochs": 2, "limit_train_batches": 0.5}, (6, 12)),
        ({"max_epochs": 2, "limit_train_batches": 100}, (12, 24)),
        ({"max_epochs": 2, "limit_train_batches": 7, "accumulate_grad_batches": 2}, (4, 8)),
        ({"max_epochs": 3, "max_steps": 20}, (12, 20)),
        ({"max_epochs": 1, "max_steps": 20}, (12, 12)),
        ({"max_epochs": None, "max_steps": 30}, (12, 30)),
        ({"max_epochs": None, "max_time": "00:00:01:00"}, (12, 0)),
        ({"max_epochs": -1}, (12, 0)),
    ],
)
@pytest.mark.parametrize("datamodule", [True, False])
def test_steps_of_a_run(tmp_path: Path, options: dict[str, Any], expected: tuple[int, int], datamodule: bool) -> None:
    """As computed when the optimiser is made, and as taken."""
    text = small_lm.write_text(tmp_path / "a.txt", 530)  # 4 streams of 119 steps
    data = small_lm.stream_data(text, random_phase=True)
    module = small_lm.task(data, schedule="one_cycle" if expected[1] else "constant")
    seen = small_lm.Losses()
    if not expected[1]:
        options = options | {"limit_train_batches": 1.0}
    found = []
    module._steps = lambda steps=module._steps: found.append(steps()) or found[-1]  # type: ignore[method-assign]
    fit = small_lm.trainer(seen, limit_val_batches=0, **options)
    if not expected[1]:  # no end: stop it after a few
        fit.should_stop = False
        fit.callbacks.append(StopAfter(15))
    if datamodule:
        fit.fit(module, datamodule=data)
        assert found == [expected]
    else:
        fit.fit(module, data.train_dataloader(), data.val_dataloader())
        assert found[0][1] == expected[1]
    if expected[1]:
        assert fit.global_step == expected[1]
        assert seen.rates[-1] < 0.01 / 25  # the cycle is complete
    else:
        assert fit.global_step == 15


class StopAfter(small_lm.Callback):
    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(self, trainer: Any, *args: Any, **kwargs: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.steps


def test_plateau_in_a_trainer(tmp_path: Path) -> None:
    data = small_lm.stream_data(small_lm.write_text(tmp_path / "a.txt", 530))
    module = small_lm.task(
        data, schedule={"name": "plateau", "factor": 0.5}, optimizer={"name": "sgd", "lr": 1e-5}
    )  # next to nothing is learnt, so that every epoch is a plateau
    seen = small_lm.Losses()
    small_lm.trainer(seen, max_epochs=4).fit(module, datamodule=data)
    assert seen.rates[::12] == pytest.approx([1e-5, 1e-5, 5e-6, 2.5e-6])
