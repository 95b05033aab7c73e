"""Dropout as recurrent networks need it: locked over time, on whole words, on weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from rnnzoo.nn.head import AdaptiveEmbedding
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["LockedDropout", "WeightDropout", "drop_weights", "dropped_embedding", "one_mask", "raw_parameter"]


class LockedDropout(nn.Module):
    """One mask for all steps of a sequence, a fresh one per row and call (Gal & Ghahramani 2016, arXiv:1512.05287).

    Args:
        p: share of the features that is zeroed; the others are scaled by 1 / (1 - p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._masks: list[Tensor] | None = None  # of a sequence that is unrolled, one for each call in a step
        self._calls = 0

    def forward(self, x: Float[Tensor, "B *T H"]) -> Float[Tensor, "B *T H"]:
        """(B, T, H) with one mask (B, 1, H); a single step (B, H) has its own, but for what `one_mask` says."""
        if not self.training or self.p == 0:
            return x
        if self._masks is None:
            return x * self._mask(x)
        if self._calls == len(self._masks):
            self._masks.append(self._mask(x))
        self._calls += 1
        return x * self._masks[self._calls - 1]

    def _mask(self, x: Tensor) -> Tensor:
        return F.dropout(x.new_ones(x.size(0), *[1] * (x.dim() - 2), x.size(-1)), self.p)

    def unroll(self, whether: bool) -> None:
        """From now on the calls of a step have the masks of the first step's calls; or each call its own again."""
        self._masks, self._calls = [] if whether else None, 0

    def begin_step(self) -> None:
        """The next call is the first of a step."""
        self._calls = 0

    def extra_repr(self) -> str:
        return f"p={self.p}"


@contextmanager
def one_mask(module: nn.Module) -> Iterator[Callable[[], None]]:
    """Inside, each `LockedDropout` of `module` drops the same at every step of a sequence that is unrolled.

    Gives what is to be called before each step.
    """
    dropouts = [part for part in module.modules() if isinstance(part, LockedDropout)]

    def begin_step() -> None:
        for dropout in dropouts:
            dropout.begin_step()

    for dropout in dropouts:
        dropout.unroll(True)
    try:
        yield begin_step
    finally:
        for dropout in dropouts:
            dropout.unroll(False)


class WeightDropout(nn.Module):
    """A parametrisation that drops single entries of a weight (DropConnect, as in AWD-LSTM, arXiv:1708.02182).

    PyTorch evaluates it at every access; inside `parametrize.cached()` one mask serves a whole forward.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, weight: Tensor) -> Tensor:
        return F.dropout(weight, self.p, self.training)

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight

    def extra_repr(self) -> str:
        return f"p={self.p}"


def drop_weights(module: nn.Module, names: Iterable[str], p: float) -> None:
    """Puts `WeightDropout` on the parameters `names` of `module`; with p = 0 nothing changes."""
    if p > 0:
        for name in names:
            parametrize.register_parametrization(module, name, WeightDropout(p))


def raw_parameter(module: nn.Module, name: str) -> nn.Parameter:
    """The parameter `name` as it is stored, without the dropout that `drop_weights` put on it."""
    if parametrize.is_parametrized(module, name):
        return module.get_parameter(f"parametrizations.{name}.original")
    return module.get_parameter(name)


def dropped_embedding(
    tokens: Int[Tensor, "B *T"], table: nn.Embedding | AdaptiveEmbedding, p: float, training: bool
) -> Float[Tensor, "B *T D"]:
    """Looks tokens up in a table of which whole rows are dropped: a dropped word is gone everywhere.

    Gal & Ghahramani 2016, arXiv:1512.05287.
    """
    vectors: Tensor = table(tokens)
    if training and p > 0:
        kept = F.dropout(vectors.new_ones(table.num_embeddings, 1), p)
        vectors = vectors * kept[tokens]
    return vectors


_DROPPED = re.compile(r"parametrizations\.(\w+)\.original$")
"""What a weight is called beneath `WeightDropout`."""


def plain_name(name: str) -> str:
    """What a weight is called without the dropout that `drop_weights` put on it: the key of a state_dict."""
    return _DROPPED.sub(r"\1", name)
