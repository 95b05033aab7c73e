"""What a hardware overlay says beside fields of a recipe: how the batch grows, and what this machine decides.

scale: {batch: 8, lr: sqrt}          applied to the recipe that the overlay is laid over, then gone
trainer: {precision: auto, ...}      settled when the trainer is made, since it depends on where that is
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch

from rnnzoo.config import Config
from rnnzoo.ranges import Range

__all__ = ["ScaleConfig", "settled"]

_LAUNCHED = {
    "devices": ("LOCAL_WORLD_SIZE", "SLURM_NTASKS_PER_NODE"),
    "num_nodes": ("GROUP_WORLD_SIZE", "SLURM_NNODES"),
}
"""What torchrun and SLURM tell each process of how many there are: on its node, and how many nodes."""


@dataclass(frozen=True)
class ScaleConfig(Config):
    """A larger batch than the recipe's, and the learning rate that goes with it.

    Args:
        batch: how many times the recipe's batch. `streams`, which count over all ranks, are multiplied with it; the
            `batch_tokens` of a translator are those of one rank, so its batch grows by itself.
        lr: ``"sqrt"`` multiplies the learning rate with the root of `batch` (Adam: Malladi et al. 2022,
            arXiv:2205.10287), ``"linear"`` with `batch` itself (SGD: Goyal et al. 2017, arXiv:1706.02677), ``"same"``
            leaves it.
    """

    batch: Annotated[int, Range("1 <= x <= 1e6")] = 1
    lr: Literal["sqrt", "linear", "same"] = "sqrt"

    def settings(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that change, by dotted name.

        Args:
            recipe: a recipe's mapping with every field spelt out.
        """
        factor = {"sqrt": math.sqrt(self.batch), "linear": float(self.batch), "same": 1.0}[self.lr]
        found: dict[str, Any] = {}
        if factor != 1:
            found["optimizer.lr"] = float(f"{recipe['optimizer']['lr'] * factor:.3g}")
        if "streams" in recipe["data"]:
            found["data.streams"] = recipe["data"]["streams"] * self.batch
        return found


def settled(section: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's section `trainer` with what ``auto`` means here.

    `precision` becomes bf16 on a GPU or a CPU that computes in it, else float32; `devices` and `num_nodes` become what
    torchrun or SLURM has started, else Lightning's ``auto`` and 1.
    """
    found = dict(section)
    if found.get("precision") == "auto":
        accelerator = found.get("accelerator", "auto")
        if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            bf16 = accelerator in ("auto", "cpu") and _cpu_has_bf16()
        found["precision"] = "bf16-mixed" if bf16 else "32-true"
    for name, variables in _LAUNCHED.items():
        if found.get(name) == "auto":
            told = [int(os.environ[variable]) for variable in variables if os.environ.get(variable, "").isdigit()]
            found[name] = told[0] if told else "auto" if name == "devices" else 1
    return found


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bf16, about twice as fast as in float32; where it does not, bf16 is slower.

    PyTorch has no public name for the question.
    """
    asked = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(ask() for ask in asked if ask is not None)
