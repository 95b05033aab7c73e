"""What operating systems have in different ways, or not at all: memory, locks.

Windows has neither `resource` nor `fcntl`; nothing else imports them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, Any

resource: Any = None
fcntl: Any = None
with contextlib.suppress(ImportError):
    import resource
with contextlib.suppress(ImportError):
    import fcntl

__all__ = ["available_memory", "lock", "peak_memory"]


def peak_memory() -> int:
    """The most memory, in bytes, that this process has held; 0 where the system does not say."""
    if resource is None:
        return 0
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say."""
    found = []
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            found += [int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:")]
    except OSError:
        pass
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if resource is not None:
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            found.append(limit)
    return min(found, default=None)


def lock(file: IO[str] | IO[bytes], *, wait: bool) -> bool:
    """Takes an open file for this process alone, until it is closed.

    Args:
        file: an open file. wait: until whoever has it lets go.

    Returns:
        Whether this process has it now. Where the system has no such locks everybody has it.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
