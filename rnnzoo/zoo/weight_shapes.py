"""That weights have the shapes that the config asks for, before anything of that size is allocated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.overrides import TorchFunctionMode

from rnnzoo.errors import UserError, nearest
from rnnzoo.zoo.weights import scaled_names

__all__ = ["check_weights", "unallocated"]

_FLOATS = ("F64", "F32", "F16", "BF16")

M = TypeVar("M", bound=nn.Module)


def check_weights(build: Callable[[], nn.Module], layers: int, path: Path) -> None:
    """Compares names, shapes and kinds in the header of the safetensors file `path` with those of the config.

    Nothing is allocated for it, whatever sizes the config claims.

    Args:
        build: makes the model that the config describes. layers: how many layers it will have.
        path: the file.

    Raises:
        UserError: they differ, the file is not safetensors, or the config's fields do not fit together.
    """
    where = path.with_name("config.json")
    try:
        with safe_open(path, "pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            stored = {name: (tuple(piece.get_shape()), piece.get_dtype()) for name, piece in slices.items()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot be read as safetensors: {str(error)[:200]}", path=path) from None
    if layers > len(stored):  # before a module is made for each of them
        raise UserError(f"describes {layers} layers, but there are {len(stored)} weights in all", path=where)
    try:
        own = unallocated(build).state_dict(keep_vars=True)
    except (ValueError, TypeError, RuntimeError, OverflowError, MemoryError) as error:  # sizes beyond 64 bits, too
        raise UserError(f"describes a model that cannot be built: {str(error)[:200]}", path=where) from None
    tied = {id(tensor) for name, tensor in own.items() if name in stored}
    for name, tensor in own.items():
        if name not in stored and id(tensor) not in tied:
            raise UserError(f"has no weight {name!r}{nearest(name, stored)}", path=path)
    scaled = scaled_names(stored)
    for name, scales in scaled.items():
        rows = (*stored[name][0][:-1], 1)
        if stored[name][1] != "I8" or not stored[name][0] or stored[scales] != (rows, "F32"):
            raise UserError(f"{name[:80]!r} is not stored as eight bits and a scale for each row", path=path)
    for name, (shape, dtype) in stored.items():
        if name in scaled.values():
            continue
        if name not in own:
            raise UserError(f"has a weight {name[:80]!r} that the model does not{nearest(name[:80], own)}", path=path)
        if shape != tuple(own[name].shape):
            raise UserError(f"{name!r} is {shape}, expected {tuple(own[name].shape)}", path=path)
        if dtype not in _FLOATS and name not in scaled:
            raise UserError(f"{name!r} is stored as {dtype}, which is no floating-point type", path=path)


def unallocated(build: Callable[[], M]) -> M:
    """What `build` makes, with the shapes of its tensors but without their memory."""
    with torch.device("meta"), _NoDraws():
        return build()


class _NoDraws(TorchFunctionMode):
    """Leaves out the normal draws of initialisation: PyTorch loads 800 modules before the first on "meta", 1.5 s."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in (torch.Tensor.normal_, torch.nn.init.normal_):
            return args[0] if args else given["tensor"]
        return func(*args, **given)
