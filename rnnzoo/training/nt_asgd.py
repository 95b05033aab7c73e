"""SGD that begins to average its weights when validation has stopped getting better."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from rnnzoo.ranges import Count, LearningRate, NonNegative
from rnnzoo.training.optim import OptimizerConfig, weight_decay_groups

__all__ = ["NTASGD", "NTASGDConfig"]


@dataclass(frozen=True)
class NTASGDConfig(OptimizerConfig, name="nt_asgd"):
    """Non-monotonically triggered averaged SGD (Merity et al. 2018, arXiv:1708.02182), for AWD-LSTM.

    Args:
        lr: learning rate; gradients are those of the mean loss per token. It stays.
        weight_decay: of matrices.
        patience: averaging begins at the first validation that is worse than the best one of those before the last
            `patience`.
    """

    lr: LearningRate = 30.0
    weight_decay: NonNegative = 0.0
    patience: Count = 5

    def build(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        return NTASGD(weight_decay_groups(parameters, self.weight_decay), lr=self.lr, patience=self.patience)


class NTASGD(SGD):
    """Plain SGD, and from `trigger` on the mean of the weights after each step.

    The mean is what is validated and kept: `swap` exchanges it with the weights that are trained on. All of it is in
    `state_dict`, so a resumed run goes on with it.

    Args:
        params: parameters or groups of them. lr: learning rate. patience: see `NTASGDConfig`.
    """

    def __init__(self, params: Any, lr: float, patience: int = 5) -> None:
        super().__init__(params, lr=lr)
        first = self.param_groups[0]
        first.update(patience=patience, observed=[], averaged=-1, swapped=False)

    @property
    def averaging(self) -> bool:
        """Whether averaging has begun."""
        return bool(self.param_groups[0]["averaged"] >= 0)

    @property
    def swapped(self) -> bool:
        """Whether the parameters hold the means, and the optimiser the weights."""
        return bool(self.param_groups[0]["swapped"])

    def observe(self, loss: float) -> None:
        """Takes note of a validation's loss, and begins to average where it shows no progress."""
        first = self.param_groups[0]
        observed, patience = first["observed"], first["patience"]
        before = observed[: len(observed) - patience] if patience else observed
        if not self.averaging and before and loss > min(before):
            self.trigger()
        observed.append(loss)

    def trigger(self) -> None:
        """Begins to average with the next step."""
        self.param_groups[0]["averaged"] = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of SGD; once averaging has begun, its result enters the mean."""
        loss: float | None = super().step(closure)
        if self.averaging and any(parameter.grad is not None for parameter in self._parameters()):  # none: skipped
            first = self.param_groups[0]
            first["averaged"] += 1
            for parameter in self._parameters():
                state = self.state[parameter]
                if "average" not in state:
                    state["average"] = parameter.detach().clone()
                state["average"].lerp_(parameter, 1 / first["averaged"])
        return loss

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges weights and means; nothing happens before there is a mean."""
        first = self.param_groups[0]
        if first["averaged"] < 1:
            return
        for parameter in self._parameters():
            average = self.state[parameter]["average"]
            weights = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(weights)
        first["swapped"] = not first["swapped"]

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]
