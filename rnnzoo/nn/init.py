"""How recurrent weights begin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["orthogonal_gates_", "xavier_gates_"]


@torch.no_grad()
def orthogonal_gates_(weight: Tensor, gates: int) -> Tensor:
    """Makes each of the `gates` blocks of a recurrent weight (gates * H, H) orthogonal.

    An orthogonal matrix keeps the length of what it multiplies, so neither the state nor its gradient
    vanishes or explodes in the first steps (Saxe et al. 2014, arXiv:1312.6120).
    """
    for block in weight.chunk(gates):
        nn.init.orthogonal_(block)
    return weight


@torch.no_grad()
def xavier_gates_(weight: Tensor, gates: int) -> Tensor:
    """Glorot-uniform for each of the `gates` blocks of an input weight (gates * H, D) by itself."""
    for block in weight.chunk(gates):
        nn.init.xavier_uniform_(block)
    return weight
