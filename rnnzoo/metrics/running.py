"""The running nll of an epoch, for any number of batches and processes (needs torchmetrics)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Self, cast

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["NLL"]


class NLL(Metric):
    """Nats per token over everything seen since the last reset: float64 sums, added up over processes.

    ``update(sum_nats, count)`` takes a batch's *sum* and its number of counted tokens; `compute` divides
    the two sums. No token at all gives 0, with a warning.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    nats: Tensor
    tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("nats", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("tokens", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, sum_nats: Tensor | float, count: Tensor | int) -> None:
        """Adds a batch: the sum of its tokens' nll in nats, and how many there were."""
        # out of place: the sums may be kept elsewhere, and a graph must not grow over an epoch
        nats = sum_nats.detach() if isinstance(sum_nats, Tensor) else sum_nats
        self.nats = self.nats + torch.as_tensor(nats, dtype=torch.float64, device=self.nats.device)
        self.tokens = self.tokens + torch.as_tensor(count, dtype=torch.int64, device=self.tokens.device)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = ()) -> Self:
        """Follows a model to its device, but not to its precision: ``model.to(torch.bfloat16)`` would cut the sums."""
        return cast(Self, super()._apply(lambda tensor: tensor.to(fn(tensor).device), exclude_state))

    def compute(self) -> Tensor:
        """() float64: nats per token."""
        if not self.tokens.item():
            warnings.warn("nll of no token at all: every target was ignored", stacklevel=2)
        return self.nats / self.tokens.clamp(min=1)
