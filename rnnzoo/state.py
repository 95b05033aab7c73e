"""Trees of tensors: what a recurrent network carries from one step to the next.

A state is a tensor, or a tuple, NamedTuple or dict of states. Every leaf has the batch as axis 0, so
detaching, resetting, reordering a beam and moving to a device are one `map` each. States are never
changed in place and have no None in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

__all__ = ["State", "check", "detach", "flatten", "gather", "leaves", "map", "repeat", "select", "to", "unflatten"]

State: TypeAlias = Any
"""A tensor (B, ...), or a tuple, NamedTuple or dict of states."""

S = TypeVar("S")


def map(function: Callable[..., Tensor], state: S, *others: S) -> S:
    """The state with `function` applied to each leaf, together with the same leaf of `others`."""
    return _map(function, state, *others)  # type: ignore[no-any-return]


def _map(function: Callable[..., Tensor], state: State, *others: State) -> State:
    if isinstance(state, Tensor):
        return function(state, *others)
    if isinstance(state, dict):
        return {key: _map(function, value, *(o[key] for o in others)) for key, value in state.items()}
    if isinstance(state, tuple):
        if others:
            parts = [_map(function, *same) for same in zip(state, *others, strict=True)]
        else:  # the same, for what decoding does at every token
            parts = [function(part) if isinstance(part, Tensor) else _map(function, part) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    raise TypeError(f"a state is made of tensors, tuples and dicts, not {type(state).__name__}")


def leaves(state: State) -> list[Tensor]:
    """All tensors, in order."""
    return [tensor for _, tensor in _named(state, "")]


def detach(state: S) -> S:
    """The same values, cut off from the graph that computed them."""
    return map(Tensor.detach, state)


def select(mask: Tensor, yes: S, no: S) -> S:
    """Row by row `yes` where `mask` (B,) is True, else `no`."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(mask.view(-1, *[1] * (a.dim() - 1)), a, b)

    return map(pick, yes, no)


def gather(state: S, index: Tensor) -> S:
    """Rows `index` (N,) of every leaf: reorders a beam, drops finished sentences."""
    return map(lambda leaf: leaf.index_select(0, index), state)


def repeat(state: S, times: int) -> S:
    """Each row `times` times in a row: (B, ...) -> (B * times, ...)."""
    return map(lambda leaf: leaf.repeat_interleave(times, dim=0), state)


def to(state: S, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> S:
    """Moved to `device`; floating-point leaves cast to `dtype`."""
    return map(lambda leaf: leaf.to(device=device, dtype=dtype if leaf.is_floating_point() else None), state)


def flatten(state: State) -> dict[str, Tensor]:
    """Leaves under dotted names (``"0.h"``: layer 0, field h), for files and exported graphs."""
    return dict(_named(state, ""))


def unflatten(like: S, named: dict[str, Tensor]) -> S:
    """`flatten`'s inverse: the tree of `like` with the tensors of `named`.

    Raises:
        ValueError: the names are not those of `like`.
    """
    names = [name for name, _ in _named(like, "")]
    if sorted(names) != sorted(named):
        raise ValueError(f"expected the leaves {sorted(names)}, not {sorted(named)}")
    order = iter(names)
    return map(lambda _: named[next(order)], like)


def check(state: State, batch_size: int) -> None:
    """Every leaf has `batch_size` rows.

    Raises:
        ValueError: one has not; PyTorch would broadcast a single row without a word.
    """
    for name, leaf in _named(state, ""):
        if leaf.dim() == 0 or leaf.size(0) != batch_size:
            raise ValueError(f"state {name or 'tensor'} is {tuple(leaf.shape)}: expected {batch_size} rows")


def _named(state: State, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        yield prefix.rstrip("."), state
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from _named(value, f"{prefix}{key}.")
    elif isinstance(state, tuple):
        keys = getattr(state, "_fields", range(len(state)))
        for key, value in zip(keys, state, strict=True):
            yield from _named(value, f"{prefix}{key}.")
    else:
        raise TypeError(f"a state is made of tensors, tuples and dicts, not {type(state).__name__}")
