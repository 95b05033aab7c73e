"""The one place where a seed comes from that nobody chose."""

from __future__ import annotations

import random

__all__ = ["fresh_seed"]

source: random.Random = random.SystemRandom()
"""What seeds are drawn from; tests put a seeded one here, so that no test is without a seed."""


def fresh_seed(bits: int = 62) -> int:
    """A seed below 2^bits from the system's entropy; 31 bits where it is shown and may be typed again.

    PyTorch's, NumPy's and Python's global generators are neither read nor changed.
    """
    return source.getrandbits(bits)
