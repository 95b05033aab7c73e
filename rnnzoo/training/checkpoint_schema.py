"""Whether a checkpoint that is whole is one of this run: its own schema, before Lightning or torch read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from packaging.version import InvalidVersion, Version
from torch import nn

__all__ = ["checkpoint_fault"]

_KINDS: dict[str, type | tuple[type, ...]] = {
    "state_dict": Mapping,
    "pytorch-lightning_version": str,
    "epoch": int,
    "global_step": int,
    "loops": Mapping,
    "callbacks": Mapping,
    "optimizer_states": list,
    "lr_schedulers": list,
    "rnnzoo": Mapping,
}


def checkpoint_fault(path: Path, module: nn.Module) -> str | None:
    """What is wrong with a checkpoint for going on with the training of `module`; None where nothing is.

    Args:
        path: the file, whose hash is right. module: what is trained, as it begins.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds
        return f"cannot be read ({type(error).__name__})"
    if not isinstance(checkpoint, dict):
        return "is no checkpoint"
    for key, kind in _KINDS.items():
        if key not in checkpoint:
            return f"has no {key!r}"
        if not isinstance(checkpoint[key], kind) or isinstance(checkpoint[key], bool):
            return f"its {key!r} is a {type(checkpoint[key]).__name__}"
    try:
        Version(checkpoint["pytorch-lightning_version"])
    except InvalidVersion:
        return "its version of Lightning is none"
    if min(checkpoint["epoch"], checkpoint["global_step"]) < 0:
        return "its step is negative"
    return (
        _weights(checkpoint["state_dict"], module)
        or _optimizer(checkpoint["optimizer_states"], module)
        or (None if len(checkpoint["lr_schedulers"]) == 1 else "has no state of the schedule")
        or _ranks(checkpoint["rnnzoo"])
    )


def _weights(found: Mapping[str, Any], module: nn.Module) -> str | None:
    own = module.state_dict()
    for name in own:
        if name not in found:
            return f"has no weight {name!r}"
    for name, value in found.items():
        if name not in own:
            return f"has a weight {str(name)[:80]!r} that the model does not"
        if not isinstance(value, torch.Tensor) or value.shape != own[name].shape:
            shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            return f"its {name!r} is {shape}, expected {tuple(own[name].shape)}"
    return None


def _optimizer(states: list[Any], module: nn.Module) -> str | None:
    if len(states) != 1 or not isinstance(states[0], Mapping):
        return "has no state of the optimiser"
    state, groups = states[0].get("state"), states[0].get("param_groups")
    if not isinstance(state, Mapping) or not isinstance(groups, list):
        return "has no state of the optimiser"
    numbered = [n for group in groups if isinstance(group, Mapping) for n in group.get("params", ())]
    parameters = [p for p in module.parameters() if p.requires_grad]
    if len(numbered) != len(parameters):
        return f"its optimiser has {len(numbered)} parameters, the model {len(parameters)}"
    if any(number not in numbered or not isinstance(one, Mapping) for number, one in state.items()):
        return "its optimiser's state is of other parameters"
    sizes = sorted(p.numel() for p in parameters)
    held = sorted(one["exp_avg"].numel() for one in state.values() if isinstance(one.get("exp_avg"), torch.Tensor))
    if held and any(size not in sizes for size in held):
        return "its optimiser's state has other shapes"
    return None


def _ranks(noted: Mapping[str, Any]) -> str | None:
    ranks = noted.get("ranks")
    if not isinstance(noted.get("tokens_trained"), int) or not isinstance(ranks, list) or not ranks:
        return "does not say what each rank carried"
    if not all(isinstance(one, Mapping) and {"random", "log"} <= one.keys() for one in ranks):
        return "does not say what each rank carried"
    return None
