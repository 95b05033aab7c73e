"""Memory that a training step frees is kept for the next one, and kernels that no step asks for again are not."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep_few_kernels", "keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of <malloc.h>
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tells glibc's malloc not to hand large blocks back to the system as soon as they are freed.

    Each step of a recurrent network allocates the same hundreds of megabytes of activations and frees them again. By
    default every such block is a mapping of its own, and the system clears its pages anew at each first touch:
    `benchmarks/train.py` shows what that costs. For the whole process, for good, and the process
    never becomes smaller than it has been; so `rnnzoo.train` does it on a CPU, and importing something never does.

    Returns:
        Whether there is a glibc that took it; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))


def keep_few_kernels(count: int = 64) -> None:
    """Tells oneDNN to keep so many of the kernels that it makes, one for each shape of its operands, not 1,024.

    A translator's batches have hundreds of shapes, and a kernel may hold a megabyte: in bf16 one of 3.8 million
    parameters grew to 2.9 GiB. Making kernels anew took no time that could be measured. oneDNN reads this when it makes
    its first one in the process; where ONEDNN_PRIMITIVE_CACHE_CAPACITY is set already it stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(count))
