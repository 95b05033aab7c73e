"""The numbers that PyTorch's generator gives for a seed, so that a text drawn here is the one that is drawn there.

PyTorch's CPU generator is the Mersenne Twister, which NumPy has too. A float64 of its ``rand`` is two of its 32-bit
words, the first one high, of which the lowest 53 bits are read as a fraction.
"""

from __future__ import annotations

import functools
import threading

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..seeds import fresh_seed

__all__ = ["Draws", "check_seed", "row_draws"]

_BLOCK = 128
_SCALE = 2.0**-53
_MASK = np.uint64((1 << 53) - 1)
_TWISTER = np.random.MT19937(0)  # one for all: making one takes longer than a block
_SEEDED, _LOCK = np.random.RandomState(_TWISTER), threading.Lock()


class Draws:
    """One row's numbers in [0, 1): a seed, and how many of them were taken. It has no more in memory than that.

    Args:
        seed: of PyTorch's generator. taken: how many are behind it.
    """

    __slots__ = ("seed", "taken")

    def __init__(self, seed: int, taken: int = 0) -> None:
        self.seed, self.taken = seed % 2**63, taken

    def peek(self, count: int) -> NDArray[np.float64]:
        """The next `count` numbers, which are not taken by that: `taken` says what is."""
        first, last = self.taken // _BLOCK, (self.taken + max(count, 1) - 1) // _BLOCK
        numbers = np.concatenate([_block(self.seed, index) for index in range(first, last + 1)])
        start = self.taken - first * _BLOCK
        return numbers[start : start + count]

    def copy(self) -> Draws:
        """The same from here on."""
        return Draws(self.seed, self.taken)


def row_draws(seed: int | None, num: int) -> list[Draws]:
    """Those of each of `num` rows, row i of seed + i; None takes a seed at random."""
    first = fresh_seed() if seed is None else seed
    return [Draws(first + row) for row in range(num)]


@functools.lru_cache(256)
def _block(seed: int, index: int) -> NDArray[np.float64]:
    """`_BLOCK` numbers; the generator is run from its beginning, which costs 10 nanoseconds a number."""
    with _LOCK:
        _SEEDED.seed(seed & 0xFFFFFFFF)  # as PyTorch seeds its own
        if index:
            _TWISTER.random_raw(2 * _BLOCK * index, output=False)
        words = _TWISTER.random_raw(2 * _BLOCK)
    return ((words[0::2] << np.uint64(32) | words[1::2]) & _MASK).astype(np.float64) * _SCALE


def check_seed(seed: int | None) -> None:
    """Raises `UserError` unless PyTorch's generator takes it, too."""
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise UserError(f"seed must fit into 64 bits, not {seed}")
