"""A checkpoint is held against the model and the optimiser that would go on with it, before PyTorch reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rnnzoo.training.checkpoint_schema import checkpoint_fault
from rnnzoo.training.optim import AdamWConfig, OptimizerConfig, SGDConfig

Change = Callable[[dict[str, Any]], Any]


def _optimizer(checkpoint: dict[str, Any]) -> dict[str, Any]:
    return checkpoint["optimizer_states"][0]


def _made(config: OptimizerConfig) -> tuple[nn.Module, torch.optim.Optimizer, dict[str, Any]]:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3))
    optimizer = config.build(model.named_parameters())
    model(torch.randn(2, 3)).square().sum().backward()
    optimizer.step()
    noted = {"tokens_trained": 1, "ranks": [{"random": {}, "log": {}}]}
    return (
        model,
        config.build(model.named_parameters()),
        {
            "state_dict": model.state_dict(),
            "pytorch-lightning_version": "2.6.6",
            **{"epoch": 0, "global_step": 1, "loops": {}, "callbacks": {}, "lr_schedulers": [{}], "rnnzoo": noted},
            "optimizer_states": [optimizer.state_dict()],
        },
    )


CHANGES: dict[str, tuple[Change, str]] = {
    "nothing": (lambda found: None, ""),
    "a second moment of one number": (
        lambda found: _optimizer(found)["state"][0].update(exp_avg_sq=torch.zeros(1)),
        "other shapes",
    ),
    "moments of the other matrix": (
        lambda found: _optimizer(found)["state"].update({0: _optimizer(found)["state"][1]}),
        "other shapes",
    ),
    "moments in whole numbers": (
        lambda found: _optimizer(found)["state"][0].update(exp_avg=torch.zeros(4, 3, dtype=torch.long)),
        "other shapes",
    ),
    "moments that are a text": (lambda found: _optimizer(found)["state"][0].update(exp_avg="x"), "other shapes"),
    "a rate that is a text": (lambda found: _optimizer(found)["param_groups"][0].update(lr="x"), "no 'lr'"),
    "no betas": (lambda found: _optimizer(found)["param_groups"][0].pop("betas"), "no 'betas'"),
    "one beta": (lambda found: _optimizer(found)["param_groups"][0].update(betas=(0.9,)), "no 'betas'"),
    "a parameter less": (lambda found: _optimizer(found)["param_groups"][1]["params"].pop(), "has 3 parameters"),
    "groups the other way round": (lambda found: _optimizer(found)["param_groups"].reverse(), "other shapes"),
    "a flag that an older PyTorch did not know": (
        lambda found: _optimizer(found)["param_groups"][0].pop("decoupled_weight_decay"),
        "",
    ),
    "another weight": (lambda found: found["state_dict"].update(more=torch.zeros(2)), "has a weight 'more'"),
    "a weight of another shape": (
        lambda found: found["state_dict"].update({"0.bias": torch.zeros(3)}),
        "expected (4,)",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_fault_is_named(what: str, tmp_path: Path) -> None:
    """A fused step with a moment of the wrong shape ends the process with a segmentation fault."""
    change, said = CHANGES[what]
    model, optimizer, checkpoint = _made(AdamWConfig())
    change(checkpoint)
    torch.save(checkpoint, tmp_path / "a.ckpt")
    fault = checkpoint_fault(tmp_path / "a.ckpt", model, optimizer)
    assert fault is None if not said else said in (fault or "")


@pytest.mark.parametrize("config", [SGDConfig(momentum=0.9), SGDConfig(), AdamWConfig(weight_decay=0.0)])
def test_every_optimiser_reads_its_own(config: OptimizerConfig, tmp_path: Path) -> None:
    model, optimizer, checkpoint = _made(config)
    torch.save(checkpoint, tmp_path / "a.ckpt")
    assert checkpoint_fault(tmp_path / "a.ckpt", model, optimizer) is None


def test_another_pickle_protocol_says_nothing_of_its_own(tmp_path: Path) -> None:
    model, optimizer, _ = _made(AdamWConfig())
    import pickle

    (tmp_path / "a.ckpt").write_bytes(pickle.dumps({}, protocol=4))
    assert "cannot be read" in (checkpoint_fault(tmp_path / "a.ckpt", model, optimizer) or "")
