"""Whether a checkpoint that is whole is one of this run: its own schema, before Lightning or torch read it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from packaging.version import InvalidVersion, Version
from torch import nn
from torch.optim import Optimizer

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


def checkpoint_fault(path: Path, module: nn.Module, optimizer: Optimizer) -> str | None:
    """What is wrong with a checkpoint for going on with the training of `module`; None where nothing is.

    Args:
        path: the file, whose hash is right. module: what is trained. optimizer: what trains it; both as they begin.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols that torch does not write
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
        or _optimizer(checkpoint["optimizer_states"], optimizer)
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


def _optimizer(states: list[Any], own: Optimizer) -> str | None:
    """Fused kernels trust the shapes: a wrong one ends the process, or computes with what lies behind it in memory."""
    if len(states) != 1 or not isinstance(states[0], Mapping):
        return "has no state of the optimiser"
    state, groups = states[0].get("state"), states[0].get("param_groups")
    if not isinstance(state, Mapping) or not isinstance(groups, list):
        return "has no state of the optimiser"
    if not all(isinstance(group, Mapping) and isinstance(group.get("params"), list) for group in groups):
        return "has no state of the optimiser"
    parameters = [parameter for group in own.param_groups for parameter in group["params"]]
    counts = [len(group["params"]) for group in groups]
    if counts != [len(group["params"]) for group in own.param_groups]:
        return f"its optimiser has {sum(counts)} parameters, the model {len(parameters)}"
    for group, expected in zip(groups, own.param_groups, strict=True):
        for key, value in expected.items():
            is_flag = value is None or isinstance(value, bool)  # PyTorch fills in those that an older version lacked
            if key != "params" and not (_is_alike(group[key], value) if key in group else is_flag):
                return f"its optimiser has no {key!r} as this one has"
    order = {number: i for i, number in enumerate(number for group in groups for number in group["params"])}
    for number, held in state.items():
        if number not in order or not isinstance(held, Mapping):
            return "its optimiser's state is of other parameters"
        parameter = parameters[order[number]]
        for value in held.values():
            if not isinstance(value, torch.Tensor):
                fits = value is None or isinstance(value, int | float)
            elif value.dim() == 0:
                fits = not value.is_complex()
            else:
                fits = value.shape == parameter.shape and value.is_floating_point() and value.layout == torch.strided
            if not fits:
                return "its optimiser's state has other shapes"
    return None


def _is_alike(value: Any, own: Any) -> bool:
    """Whether a setting can stand where another is: a number for a number, and so on."""
    if isinstance(own, bool) or own is None or isinstance(own, str):
        return value is None or type(value) is type(own) or (own is None and isinstance(value, bool))
    if isinstance(own, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(own, list | tuple):
        same = isinstance(value, list | tuple) and len(value) == len(own)
        return same and all(map(_is_alike, value, own))
    return type(value) is type(own)


def _ranks(noted: Mapping[str, Any]) -> str | None:
    ranks = noted.get("ranks")
    if not isinstance(noted.get("tokens_trained"), int) or not isinstance(ranks, list) or not ranks:
        return "does not say what each rank carried"
    if not all(isinstance(one, Mapping) and {"random", "log"} <= one.keys() for one in ranks):
        return "does not say what each rank carried"
    return None
