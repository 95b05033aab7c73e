"""Weights that were prepared for many small products: the cells' own code runs on them, and runs faster.

A step multiplies a few rows by matrices that never change. `F.linear` is made for many rows: for one, OpenBLAS, which
NumPy has, reads a transposed matrix up to three times as fast; for a few, oneDNN is as much faster by a matrix in its
own order. `python -m benchmarks.generate` prints all of them.

OpenBLAS and PyTorch have threads of their own, and those of one go on looking for work when the others begin: on two
cores, one product by each took 8 milliseconds, where both took 0.1. So with several threads OpenBLAS has only what it
does on one, PyTorch the rest: a smaller matrix by its plain product with the transposed copy, a larger one by oneDNN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from rnnzoo.cells._products import packed
from rnnzoo.shapes import Float, Tensor

__all__ = ["PreparedWeight", "Product"]

_WORTH_ORDER = 1 << 16
"""Entries of a matrix from which on oneDNN's own order pays; below, calling it costs more than it saves."""

_ON_ONE = 9216
"""Entries of a matrix below which OpenBLAS multiplies on one thread, however many it has."""

_WORTH_THREADS = 1 << 19
"""Entries of a matrix from which on one row by it is worth several threads."""


class Product:
    """x W^T + b by a matrix that stays as it is, for any number of rows.

    Args:
        weight: (O, I), float32 or float64, on a CPU.
    """

    def __init__(self, weight: Float[Tensor, "O I"]) -> None:
        self.weight = weight.detach()
        self.inputs = weight.size(1)
        self._columns: Any = None
        self._bias: tuple[Tensor, Any] | None = None
        self._packed: Callable[..., Tensor] | None = None
        self._packs = weight.numel() >= _WORTH_ORDER
        self._on_one = weight.numel() < _ON_ONE
        self._alone = weight.numel() < _WORTH_THREADS

    def __call__(self, x: Float[Tensor, "*B I"], bias: Tensor | None = None) -> Float[Tensor, "*B O"]:
        if x.dtype != self.weight.dtype or x.requires_grad:
            return F.linear(x, self.weight, bias)
        if x.numel() == self.inputs:
            if self._on_one or torch.get_num_threads() == 1:
                return self._one(x, bias)
            if self._alone:
                y = x @ torch.from_numpy(self._transposed())
                return y if bias is None else y + bias
        if self._packs:
            product = self._packed or self._pack()
            if product is not None:
                return product(x, bias)
        return F.linear(x, self.weight, bias)

    def _one(self, x: Tensor, bias: Tensor | None) -> Tensor:
        row = x.numpy() if x.dim() == 2 else x.reshape(1, -1).numpy()  # np.dot knows BLAS for two axes only
        y = np.dot(row, self._transposed())
        if bias is not None:
            y += self._added(bias)
        return torch.from_numpy(y if x.dim() == 2 else y.reshape(*x.shape[:-1], -1))

    def _transposed(self) -> Any:
        if self._columns is None:  # made when they are first needed: a plan for many rows never does
            self._columns = np.ascontiguousarray(self.weight.numpy().T)
        return self._columns

    def _added(self, bias: Tensor) -> Any:
        if self._bias is None or self._bias[0] is not bias:  # it is the same at every step
            self._bias = bias, bias.numpy()
        return self._bias[1]

    def _pack(self) -> Callable[..., Tensor] | None:
        self._packed = packed(self.weight, 16)
        self._packs = self._packed is not None
        return self._packed


class PreparedWeight(torch.Tensor):
    """A weight whose `F.linear` is a `Product`; what depends on such weights alone is computed once.

    All else that a cell does with it is done with a plain tensor.
    """

    _product: Product | None
    _known: dict[Any, Any]
    _plain: Tensor
    _gained: bool
    """Whether something was the faster for it, a product or a result that is known by now."""

    @staticmethod
    def of(weight: Tensor) -> PreparedWeight:
        """`weight`, prepared; they share their memory."""
        plain = weight.detach()
        prepared: PreparedWeight = torch.Tensor._make_subclass(PreparedWeight, plain)
        fits = plain.dim() == 2 and plain.device.type == "cpu" and plain.dtype in (torch.float32, torch.float64)
        prepared._product = Product(plain) if fits else None
        prepared._known, prepared._plain, prepared._gained = {}, plain, False
        return prepared

    def unless_in_vain(self) -> Tensor:
        """Itself, or the plain tensor where nothing was the faster for it: asking it costs microseconds."""
        return self if self._gained else self._plain

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        first = type(args[0])
        if func is F.linear and first is not cls and not kwargs and (product := args[1]._product) is not None:
            bias = args[2] if len(args) > 2 else None
            args[1]._gained = True
            return product(args[0], bias._plain if type(bias) is cls else bias)
        with torch._C.DisableTorchFunctionSubclass():
            of_weights = first is cls and _constant((*args, *kwargs.values()))
            return _once(func, args, kwargs) if of_weights else func(*args, **kwargs)


def _constant(value: Any) -> bool:
    """No tensor in it but prepared weights."""
    if isinstance(value, tuple | list):
        return all(map(_constant, value))
    return type(value) is PreparedWeight or not isinstance(value, torch.Tensor)


def _once(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What `func` makes of weights alone, prepared like them."""
    args[0]._gained = True
    known, key = args[0]._known, (func, *map(_key, args), *((name, _key(value)) for name, value in kwargs.items()))
    try:
        return known[key][0]
    except KeyError:
        made = _prepared(func(*args, **kwargs))
        known[key] = made, args  # which are kept, so that no other tensor gets the identity of one of them
        return made
    except TypeError:  # an argument that cannot be looked up
        return func(*args, **kwargs)


def _key(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return id(value)
    if isinstance(value, tuple | list):
        return tuple(map(_key, value))
    return (slice, value.start, value.stop, value.step) if isinstance(value, slice) else value


def _prepared(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return PreparedWeight.of(value)
    return tuple(map(_prepared, value)) if type(value) in (tuple, list) else value
