"""How much memory a training will take, said before any of it is taken."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.system import available_memory
from rnnzoo.training import OptimizerConfig
from rnnzoo.zoo.weight_shapes import unallocated

__all__ = ["check_memory"]

_MOMENTS = {"adamw": 2, "sgd": 0, "nt_asgd": 1}
"""Numbers that an optimiser keeps for each weight; of one that we do not know none are counted."""


def check_memory(build: Callable[[], nn.Module], optimizer: OptimizerConfig) -> None:
    """Refuses a model whose weights, gradients and optimiser do not fit into what is free.

    What the activations take comes on top, and is not estimated.

    Args:
        build: makes the model. optimizer: what trains it.

    Raises:
        UserError: with the number of parameters, what they need, and what is free.
    """
    free = available_memory()
    try:
        model = unallocated(build)
    except (RuntimeError, OverflowError, MemoryError):  # sizes beyond 64 bits
        raise UserError("model: sizes so large that no tensor can have them: choose smaller ones") from None
    parameters = sum(parameter.numel() for parameter in model.parameters())
    copies = 1 if torch.cuda.is_available() else 2 + _MOMENTS.get(optimizer.name, 0)
    need = 4 * parameters * copies
    if free is not None and need > free:
        what = "its weights" if copies == 1 else "weights, gradients and optimiser"
        raise UserError(
            f"model: {parameters:,} parameters: {what} take about {need / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB "
            "are free: choose a smaller hidden_size, embedding_dim or num_layers"
        )
