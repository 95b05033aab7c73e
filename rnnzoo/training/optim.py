"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, OneCycleLR, ReduceLROnPlateau, SequentialLR

from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.ranges import Count, DropProbability, LearningRate, NonNegative, Range, Share

__all__ = [
    "AdamWConfig",
    "ConstantConfig",
    "CosineConfig",
    "OneCycleConfig",
    "OptimizerConfig",
    "PlateauConfig",
    "SGDConfig",
    "ScheduleConfig",
    "SlantedConfig",
    "WarmStableDecayConfig",
    "ZarembaConfig",
    "weight_decay_groups",
]


class OptimizerConfig(Config, ABC, family="optimizer"):
    """How gradients become updates."""

    @abstractmethod
    def build(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        """The optimiser of the named `parameters`."""


@dataclass(frozen=True)
class AdamWConfig(OptimizerConfig, name="adamw"):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), PyTorch's fused kernel.

    Args:
        lr: learning rate, the peak where a schedule has one.
        weight_decay: of matrices; biases and gains are left alone.
        beta1: decay of the mean gradient. beta2: decay of its square.
    """

    lr: LearningRate = 1e-3
    weight_decay: NonNegative = 0.01
    beta1: DropProbability = 0.9
    beta2: DropProbability = 0.99

    def build(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        groups = weight_decay_groups(parameters, self.weight_decay)
        return _unscaled_first(torch.optim.AdamW(groups, lr=self.lr, betas=(self.beta1, self.beta2), fused=True))


@dataclass(frozen=True)
class SGDConfig(OptimizerConfig, name="sgd"):
    """Stochastic gradient descent.

    Args:
        lr: learning rate; gradients are those of the mean loss per token.
        momentum: 0 for none. weight_decay: of matrices.
    """

    lr: LearningRate = 1.0
    momentum: DropProbability = 0.0
    weight_decay: NonNegative = 0.0

    def build(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        groups = weight_decay_groups(parameters, self.weight_decay)
        return _unscaled_first(torch.optim.SGD(groups, lr=self.lr, momentum=self.momentum, fused=True))


def weight_decay_groups(parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float) -> list[dict[str, Any]]:
    """Matrices with weight decay, vectors without."""
    found = [parameter for _, parameter in parameters if parameter.requires_grad]
    split = [([p for p in found if p.dim() > 1], weight_decay), ([p for p in found if p.dim() <= 1], 0.0)]
    return [{"params": group, "weight_decay": decay} for group, decay in split if group]


def _unscaled_first(optimizer: Optimizer) -> Optimizer:
    """The fused `optimizer`, told that whoever scales a loss takes the scale out of the gradients before the step.

    Fused kernels can do that themselves, within the step, and Lightning therefore refuses to clip for them in every
    mixed precision, bf16 too, which scales nothing.
    """
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    return optimizer


class ScheduleConfig(Config, ABC, family="schedule"):
    """How the learning rate moves while training."""

    @abstractmethod
    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        """The scheduler with its interval (and what it watches), as `configure_optimizers` returns it.

        Args:
            optimizer: holds the peak learning rate.
            steps_per_epoch: optimiser steps in an epoch. total_steps: in the whole run; 0 where it has no end.

        Raises:
            UserError: the schedule spans the run, and that has no end.
        """


@dataclass(frozen=True)
class ConstantConfig(ScheduleConfig, name="constant"):
    """The learning rate stays, after a warm-up.

    Args:
        warmup_steps: optimiser steps in which it rises linearly from nothing.
    """

    warmup_steps: Count = 0

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        warmup = max(self.warmup_steps, 1)
        scheduler = LambdaLR(optimizer, lambda step: min((step + 1) / warmup, 1.0))
        return {"scheduler": scheduler, "interval": "step"}


def _spanned(schedule: ScheduleConfig, total_steps: int) -> int:
    """`total_steps`, where there is an end."""
    if total_steps < 1:
        raise UserError(
            f"schedule {schedule.name!r} is laid over the whole run: say how long that is with trainer.max_epochs or "
            "trainer.max_steps, or take another schedule"
        )
    return total_steps


@dataclass(frozen=True)
class CosineConfig(ScheduleConfig, name="cosine"):
    """A warm-up, then half a cosine down to (almost) nothing (arXiv:1608.03983).

    Args:
        warmup: share of all steps. final: learning rate at the end, as a share of the peak.
    """

    warmup: Share = 0.05
    final: Share = 0.0

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        total_steps = _spanned(self, total_steps)
        peak = optimizer.param_groups[0]["lr"]
        warmup = min(max(int(self.warmup * total_steps), 1), max(total_steps - 1, 1))
        rise = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
        fall = CosineAnnealingLR(optimizer, T_max=max(total_steps - warmup, 1), eta_min=peak * self.final)
        return {"scheduler": SequentialLR(optimizer, [rise, fall], milestones=[warmup]), "interval": "step"}


@dataclass(frozen=True)
class OneCycleConfig(ScheduleConfig, name="one_cycle"):
    """Up, then down to almost nothing, the momentum the other way round (Smith & Topin 2018, arXiv:1708.07120).

    Args:
        warmup: share of all steps in which the learning rate rises.
    """

    warmup: Share = 0.3

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        peaks, momentum = [group["lr"] for group in optimizer.param_groups], optimizer.defaults.get("momentum")
        scheduler = OneCycleLR(
            optimizer,
            max_lr=peaks,
            # One step more than is taken, since PyTorch also computes the rate after the last one.
            total_steps=_spanned(self, total_steps) + 1,
            pct_start=math.nextafter(self.warmup, 1.0),  # PyTorch divides by 0 where the rise is one step exactly
            cycle_momentum=momentum != 0,  # SGD that was asked for without momentum stays without
        )
        return {"scheduler": scheduler, "interval": "step"}


@dataclass(frozen=True)
class WarmStableDecayConfig(ScheduleConfig, name="wsd"):
    """A warm-up, the full rate for most of the run, then down in a line (Hu et al. 2024, arXiv:2404.06395).

    Args:
        warmup: share of all steps in which the rate rises. decay: share of those in which it falls, at the end.
    """

    warmup: Share = 0.05
    decay: Share = 0.2

    def __post_init__(self) -> None:
        if self.warmup + self.decay > 1:
            raise ValueError("warmup and decay are shares of the run, together at most 1")

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        total_steps = _spanned(self, total_steps)
        rise, fall = max(round(self.warmup * total_steps), 1), max(round(self.decay * total_steps), 1)

        def share(step: int) -> float:
            return max(min((step + 1) / rise, (total_steps - step) / (fall + 1), 1.0), 0.0)

        return {"scheduler": LambdaLR(optimizer, share), "interval": "step"}


@dataclass(frozen=True)
class SlantedConfig(ScheduleConfig, name="slanted"):
    """Up in a short line, down in a long one (slanted triangular, Howard & Ruder 2018, arXiv:1801.06146).

    Args:
        warmup: share of all steps in which the learning rate rises. ratio: of the peak to the lowest rate.
    """

    warmup: Share = 0.1
    ratio: Annotated[float, Range("1 <= x <= 1e9")] = 32.0

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        total_steps = _spanned(self, total_steps)
        top = min(max(self.warmup * total_steps, 1.0), max(total_steps - 1.0, 1.0))

        def share(step: int) -> float:
            height = (step + 1) / top if step + 1 <= top else (total_steps - step) / (total_steps - top + 1)
            return (1 + max(min(height, 1.0), 0.0) * (self.ratio - 1)) / self.ratio

        return {"scheduler": LambdaLR(optimizer, share), "interval": "step"}


@dataclass(frozen=True)
class PlateauConfig(ScheduleConfig, name="plateau"):
    """Divides the learning rate when the validation loss has stopped falling.

    Args:
        factor: what it is multiplied with. patience: validations without an improvement before that.
    """

    factor: Annotated[float, Range("0 < x < 1")] = 0.25
    patience: Count = 0

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        scheduler = ReduceLROnPlateau(optimizer, factor=self.factor, patience=self.patience)
        return {"scheduler": scheduler, "interval": "epoch", "monitor": "val/nll"}


@dataclass(frozen=True)
class ZarembaConfig(ScheduleConfig, name="zaremba"):
    """Constant for some epochs, then divided after each (Zaremba et al. 2014, arXiv:1409.2329).

    Args:
        constant_epochs: epochs at the full rate. decay: what it is divided by after each epoch from then on.
    """

    constant_epochs: Count = 4
    decay: Annotated[float, Range("1 <= x <= 1e6")] = 2.0

    def build(self, optimizer: Optimizer, steps_per_epoch: int, total_steps: int) -> dict[str, Any]:
        scheduler = LambdaLR(optimizer, lambda epoch: self.decay ** -max(epoch + 1 - self.constant_epochs, 0))
        return {"scheduler": scheduler, "interval": "epoch"}
