"""How inference runs a net: on its own device, without dropout and gradients, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["CHUNK_LEN", "MAX_LOGITS", "at_least_float32", "device_of", "evaluating"]

CHUNK_LEN = 1024
"""Tokens that one forward reads: many enough to be fast, few enough that memory does not grow with the text."""

MAX_LOGITS = 1 << 23
"""Logits held at once: 32 MB in float32."""


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next((tensor.device for tensor in model.parameters()), torch.device("cpu"))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; each module's own mode is put back afterwards."""
    training = [module for module in model.modules() if module.training] if model.training else []
    for module in training:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def at_least_float32(logits: Tensor) -> Tensor:
    """`logits`, in float32 where they were in half precision."""
    return logits if logits.dtype == torch.float64 else logits.float()
