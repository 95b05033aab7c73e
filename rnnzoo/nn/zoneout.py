"""Zoneout: units that now and then keep their value from one step to the next."""

from __future__ import annotations

import torch

from rnnzoo.shapes import Float, Tensor

__all__ = ["zone_out"]


def zone_out(
    before: Float[Tensor, "B *H"], after: Float[Tensor, "B *H"], p: float, training: bool
) -> Float[Tensor, "B *H"]:
    """What a step leaves of `after`: each unit keeps its value of before with probability `p`.

    At evaluation each is the expectation of that. Krueger et al. 2017, arXiv:1606.01305.
    """
    if p == 0:
        return after
    if not training:
        return torch.lerp(after, before.to(after), p)
    return torch.where(torch.rand_like(after) < p, before.to(after), after)
