"""Penalties on what a language model's last layer says."""

from __future__ import annotations

from dataclasses import dataclass

from rnnzoo.config import Config
from rnnzoo.nn import IGNORED
from rnnzoo.ranges import NonNegative
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["RegularizationConfig"]


@dataclass(frozen=True)
class RegularizationConfig(Config):
    """Activation and temporal activation regularisation (Merity et al. 2017, arXiv:1708.01009).

    Both are added to the mean loss per token, in nats.

    Args:
        activation: factor of the mean square of the last layer's outputs after dropout.
        temporal: factor of the mean square of what those outputs, before dropout, change from step to step.
    """

    activation: NonNegative = 0.0
    temporal: NonNegative = 0.0

    def __bool__(self) -> bool:
        return self.activation > 0 or self.temporal > 0

    def penalty(
        self, features: Float[Tensor, "B T H"], dropped: Float[Tensor, "B T H"], targets: Int[Tensor, "B T"]
    ) -> Float[Tensor, ""]:
        """The sum over the chunk's counted tokens, as the loss is one.

        Args:
            features: the last layer's outputs. dropped: the same after dropout. targets: `IGNORED` ones do not count.
        """
        counted = targets != IGNORED
        total = self.activation * dropped.square().mean(-1)[counted].sum()
        if self.temporal and features.size(1) > 1:
            change = (features[:, 1:] - features[:, :-1]).square().mean(-1)
            total = total + self.temporal * change[counted[:, 1:]].sum()
        return total
