"""Fine-tuning of a trained model: lower layers at lower rates, and from the top down (Howard & Ruder 2018).

Universal language model fine-tuning for text classification, arXiv:1801.06146.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.optim import Optimizer

__all__ = ["GradualUnfreezing", "lower_below"]


def lower_below(optimizer: Optimizer, depths: Sequence[Sequence[nn.Parameter]], decay: float) -> None:
    """Divides the learning rate of parameters by `decay` for each depth that they lie below the top.

    Args:
        optimizer: one that has not taken a step yet; its groups are split.
        depths: the parameters at each depth, the top first; those that are in none are at the top.
    """
    depth_of: Mapping[int, int] = {id(p): depth for depth, layer in enumerate(depths) for p in layer}
    groups: list[dict[str, Any]] = []
    for group in optimizer.param_groups:
        by_depth: dict[int, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_depth.setdefault(depth_of.get(id(parameter), 0), []).append(parameter)
        groups += [
            {**group, "params": found, "lr": group["lr"] / decay**depth} for depth, found in sorted(by_depth.items())
        ]
    optimizer.param_groups[:] = groups


class GradualUnfreezing(Callback):
    """Trains the output layer alone at first, and one layer more, from the top down, every so many epochs.

    Gradients of what is not trained yet are dropped before each optimiser step: that depends on nothing but the epoch,
    so a resumed run goes on rightly, and all strategies see the same trainable parameters throughout.

    Args:
        epochs: after which another layer is trained, too.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, optimizer: Any
    ) -> None:
        model: Any = pl_module.model
        for depth, layer in enumerate(model.depths()):
            if depth > trainer.current_epoch // self.epochs:
                for parameter in layer:
                    parameter.grad = None
