"""The one place where exceptions become lines: every command's last word is one line, and never a traceback.

    UserError                                   what the user can put right         its own code, mostly 2
    no memory, no disk, no permission, ...      what the environment has caused     2
    anything else                               our fault; the traceback in a file  70

``RNNZOO_DEBUG=1`` shows the traceback as well.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback

from rnnzoo.errors import UserError
from rnnzoo.version import __version__

__all__ = ["OUR_FAULT", "from_environment", "report"]

OUR_FAULT = 70
"""The exit code for a fault of rnnzoo's own: EX_SOFTWARE of sysexits.h."""

_NO_MEMORY = ("not enough memory", "out of memory", "failed to allocate", "cannot allocate memory")


def report(error: Exception) -> int:
    """Prints the line for `error` to standard error, and returns the exit code."""
    if os.environ.get("RNNZOO_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    known = error if isinstance(error, UserError) else from_environment(error)
    if known is not None:
        _say(str(known))
        return known.exit_code
    kind, what = type(error).__name__, " ".join(str(error).split())[:160]
    place = _write_down(error)
    where = f"the traceback is in {place}" if place else "RNNZOO_DEBUG=1 shows the traceback"
    _say(f"this is a fault of rnnzoo, not yours: {kind}{': ' if what else ''}{what}; {where}: please report it")
    return OUR_FAULT


def from_environment(error: BaseException) -> UserError | None:
    """What the machine, its disks and its libraries can cause, as one line; None for what only a bug can."""
    text = " ".join(str(error).split())
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, MemoryError) or "OutOfMemoryError" in kinds or _is_memory(error, text):
        device = "the GPU" if "cuda" in text.lower() else "this machine"
        return UserError(
            f"{device} has no memory left for this: choose smaller sizes (hidden_size, streams, batch_tokens, "
            f"batch-size) or free some"
        )
    if isinstance(error, UnicodeEncodeError) and error.encoding.lower().replace("_", "-") != "utf-8":
        return UserError(
            f"this terminal's encoding, {error.encoding}, cannot show the output: set PYTHONIOENCODING=utf-8"
        )
    if isinstance(error, FileNotFoundError) and "No usable temporary directory" in text:
        return UserError("a temporary file cannot be written: make room, or name a folder with TMPDIR")
    if isinstance(error, OSError) and error.errno is not None:
        name = error.filename if isinstance(error.filename, str) else None
        reason = error.strerror or os.strerror(error.errno)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            reason = f"cannot be written ({reason}): make room"
        return UserError(reason, path=name)
    if isinstance(error, OSError):  # of a library: no connection, a certificate
        return UserError(text[:300] or type(error).__name__)
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("rnnzoo"):
        return UserError(f"the package {error.name!r} is not installed: pip install {error.name.split('.')[0]}")
    if isinstance(error, ValueError) and "null byte" in text:
        return UserError("a file's name cannot have a NUL in it")
    if "MisconfigurationException" in kinds:
        return UserError(f"trainer: {text[:300]}")
    if isinstance(error, RuntimeError) and "gloo" in text.lower() and "by peer" in text:
        return UserError("another rank of this training has ended; its log says why: go on with --resume")
    if isinstance(error, RuntimeError) and ("CUDA" in text or "NCCL" in text or "NVIDIA" in text):
        return UserError(f"the GPU cannot be used: {text[:200]}")
    return None


def _is_memory(error: BaseException, text: str) -> bool:
    said = text.lower()
    return isinstance(error, (RuntimeError, OSError)) and any(words in said for words in _NO_MEMORY)


def _write_down(error: Exception) -> str | None:
    """Keeps the traceback, and what was called, in a file of its own."""
    lines = [
        f"rnnzoo {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"called as: {' '.join(map(ascii, sys.argv[1:]))}",
        "",
        *traceback.format_exception(error),
    ]
    try:
        descriptor, name = tempfile.mkstemp(prefix="rnnzoo-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
        return name
    except OSError:  # no disk either
        return None


def _say(text: str) -> None:
    line = f"rnnzoo: {text}\n"
    try:
        sys.stderr.write(line)
    except UnicodeEncodeError:
        sys.stderr.write(line.encode("ascii", "backslashreplace").decode())
    except OSError:  # nobody reads it
        pass
