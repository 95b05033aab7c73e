"""How weights lie in model.safetensors: as they are, in half precision, or in eight bits with a scale for each row.

Eight bits are a way to store, not to compute: loading gives float32 again, the same on every machine. A row w of a
matrix is kept as q = round(w / s) with s = max abs(w) / 127, and read as q s; it is off by at most s / 2. Vectors, and
matrices whose rows are too short for a scale to be worth it, are kept in half precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from rnnzoo.shapes import Tensor

__all__ = ["SCALE", "Stored", "pack", "scaled_names", "unpack", "weights_of"]

Stored = Literal["float32", "float16", "int8"]
"""What weights are stored in."""

SCALE = "::scale"
"""What the name of a matrix is followed by in that of its rows' scales; no parameter can be called that."""

_SHORTEST = 16
"""Entries of a row that has a scale of its own; with fewer, four bytes of scale are no saving over half precision."""


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The weights by name; tied ones once, under the first of their names: loading ties them again."""
    weights: dict[str, Tensor] = {}
    seen = set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen or tensor.numel() == 0:
            seen.add(tensor.data_ptr())
            weights[name] = tensor.detach().cpu().contiguous()
    return weights


def pack(weights: Mapping[str, Tensor], stored: Stored | None = None) -> dict[str, Tensor]:
    """The tensors of a file, from weights by name; as they are when `stored` is left out.

    Raises:
        ValueError: a weight is not finite, or beyond what half precision holds.
    """
    if stored is None:
        return dict(weights)
    packed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if stored == "int8" and weight.dim() >= 2 and weight.shape[-1] >= _SHORTEST:
            packed[name], packed[name + SCALE] = _in_eight_bits(weight, name)
        else:
            packed[name] = weight.to(torch.float32 if stored == "float32" else torch.float16)
            if not packed[name].isfinite().all():
                raise ValueError(f"{name} does not fit into {packed[name].dtype}")
    return packed


def _in_eight_bits(weight: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Integers of a matrix's shape, and their scales, (..., 1)."""
    if not weight.isfinite().all():
        raise ValueError(f"{name} is not finite")
    scale = weight.abs().amax(-1, keepdim=True).float() / 127
    integers = (weight / scale.where(scale > 0, torch.ones(()))).round().clamp(-127, 127)
    return integers.to(torch.int8), scale


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by name, from the tensors of a file: what `pack` was given, but for the rounding."""
    scaled = scaled_names(packed)
    return {
        name: tensor.float() * packed[name + SCALE].float() if name in scaled else tensor
        for name, tensor in packed.items()
        if name not in scaled.values()
    }


def scaled_names(names: Mapping[str, object]) -> dict[str, str]:
    """Which of a file's tensors are in eight bits, each with the name of its scales."""
    return {name: name + SCALE for name in names if name + SCALE in names}
