"""Losses, gradients and weights that are no longer numbers: found before they are stepped with, or saved."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from rnnzoo.errors import UserError

__all__ = ["IN_A_ROW", "NonFiniteError", "OnNonFinite", "SkippedStep", "broken", "first_broken"]

OnNonFinite = Literal["stop", "skip"]
"""What is done about an optimiser step whose loss or gradient is not finite."""

IN_A_ROW = 10
"""Steps that are skipped one after the other before training is given up: no step after them would be better."""


class NonFiniteError(UserError):
    """Training has diverged: a loss, a gradient or a weight is NaN or infinite. The checkpoints are from before it."""

    exit_code = 3


class SkippedStep(UserWarning):
    """An optimiser step was left out, since its loss or gradient was not finite."""


def broken(loss: Tensor, gradients: Iterable[Tensor]) -> Tensor:
    """Whether a loss or any gradient has a NaN or an infinity in it, without waiting for the device.

    Sums tell: they are finite exactly where all they are over is (short of 3e38), and are the fastest thing that reads
    a tensor; a maximum takes fifty times as long on a CPU.

    Args:
        loss: (). gradients: of any shape, summed in float32 at least.

    Returns:
        () bool, on the device of `loss`.
    """
    sums = [loss.detach()]
    for gradient in gradients:
        sums.append(_sum(gradient).to(loss.device, loss.dtype))
    return ~torch.stack(sums).isfinite().all()


def first_broken(tensors: Iterable[tuple[str, Tensor | None]]) -> str | None:
    """The first of some named tensors that is not finite, and what it has: ``"head.weight is nan"``."""
    for name, tensor in tensors:
        if tensor is None or not tensor.is_floating_point():
            continue
        if not math.isfinite(float(_sum(tensor.detach()))):
            return f"{name} is {'nan' if bool(tensor.isnan().any()) else 'infinite'}"
    return None


def _sum(tensor: Tensor) -> Tensor:
    half = tensor.dtype in (torch.float16, torch.bfloat16)  # their own sums overflow soon
    return tensor.sum(dtype=torch.float32 if half else None)
