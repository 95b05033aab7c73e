"""The bytes that a user names: a regular file, or a stream that is named on purpose; both are bounded.

Everything that reads what somebody else wrote opens it here. A name may lead to a pipe that nobody writes to, to a
device that never ends, or to a packed file that unpacks to terabytes; each of them is one line of an error.
"""

from __future__ import annotations

import io
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from .errors import UserError

__all__ = [
    "MAX_STREAM",
    "STDIN",
    "is_stream",
    "open_regular",
    "read_blocks",
    "read_regular",
    "regular_blocks",
    "shown_name",
]

FilePath = str | os.PathLike[str]

STDIN = "-"
"""Names standard input."""
MAX_STREAM = 256 << 20
"""Bytes of a stream; whoever has more writes them to a file first."""
MAX_UNPACKED = 64 << 30
"""Bytes that a packed file may unpack to."""
MAX_RATIO = 200
"""Of unpacked to packed size; text and vectors stay below 10."""
SLACK = 1 << 20
"""Bytes that may be unpacked from next to nothing."""
BLOCK = 1 << 20
"""Bytes that are read at a time."""
WAIT = 300.0
"""Seconds without a byte after which a stream counts as dead."""

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_DESCRIPTOR = re.compile(r"/dev/fd/(\d{1,6})|/proc/self/fd/(\d{1,6})")
_PACKED = ((b"PK\x03\x04", "zip"), (b"\xfd7zXZ", "xz"), (b"BZh", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd"))


def is_stream(path: FilePath) -> bool:
    """Whether a name means a stream: ``-``, ``/dev/stdin``, or the open file of a process substitution."""
    name = os.fspath(path)
    return name in (STDIN, "/dev/stdin") or _DESCRIPTOR.fullmatch(name) is not None


def shown_name(path: FilePath) -> str:
    """A name as errors and results have it."""
    return "standard input" if os.fspath(path) in (STDIN, "/dev/stdin") else os.fspath(path)


def open_regular(path: FilePath, *, missing: str = "no such file") -> io.FileIO:
    """A regular file, to be read from its beginning.

    Args:
        path: its name. missing: what is said where there is none.

    Raises:
        UserError: it is missing or cannot be read; it is a folder, a pipe, a socket or a device; its name cannot be
            written as UTF-8, so that no result could name it.
    """
    name = os.fspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UserError("the file's name is not UTF-8: rename it", path=ascii(name)) from None
    try:
        _require_regular(os.stat(name).st_mode, name)
        # should a pipe have taken its place since, it is not waited for
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        file = io.FileIO(os.open(name, flags))
    except FileNotFoundError:
        raise UserError(missing, path=name) from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path=name) from None
    except ValueError:  # a NUL in it
        raise UserError("is no name that a file can have", path=ascii(name)) from None
    try:
        _require_regular(os.fstat(file.fileno()).st_mode, name)
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: FilePath, *, most: int, missing: str = "no such file") -> bytes:
    """All bytes of a regular file.

    Args:
        path: its name. most: so many bytes at most. missing: what is said where there is none.

    Raises:
        UserError: as `open_regular`; it has more bytes.
    """
    return b"".join(regular_blocks(path, most=most, missing=missing))


def regular_blocks(path: FilePath, *, most: int | None = None, missing: str = "no such file") -> Iterator[bytes]:
    """The same, a block at a time."""
    with open_regular(path, missing=missing) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise UserError(f"has {size:,} bytes, which are too many ({most:,} at most)", path=path)
        yield from _blocks(file, size, os.fspath(path))


def read_blocks(path: FilePath, *, most: int | None = None, advice: str = "") -> Iterator[bytes]:
    """The bytes of a file or a stream, a block at a time; what is gzip-compressed comes unpacked.

    Of a file comes what it held when it was opened, so that one that grows has an end, and one that says that it is
    empty, as the files below /proc do, is.

    Args:
        path: a file, or what `is_stream` knows.
        most: so many bytes at most. advice: what is said to whoever has more.

    Raises:
        UserError: as `open_regular`; more bytes than that; a stream from which nothing comes; a damaged or hostile
            gzip file, or one that is packed in another way.
    """
    name, read = shown_name(path), 0
    with _opened(path) as (blocks, bound):
        first = next(blocks, b"")
        for magic, kind in _PACKED:
            if first.startswith(magic):
                raise UserError(f"is packed ({kind}): unpack it first, or pack it with gzip", path=name)
        whole = _chained(first, blocks)
        for block in _unpacked(whole, name) if first[:2] == b"\x1f\x8b" else whole:
            read += len(block)
            limit = bound if most is None else most if bound is None else min(most, bound)
            if limit is not None and read > limit:
                hint = ": write it to a file first" if limit == bound else advice
                raise UserError(f"has more than {limit:,} bytes{hint}", path=name)
            yield block


# --------------------------------------------------------------------------------------------------- parts


@contextmanager
def _opened(path: FilePath) -> Iterator[tuple[Iterator[bytes], int | None]]:
    """The blocks of a file or stream, and how many bytes of it are read at most."""
    if not is_stream(path):
        with open_regular(path) as file:
            yield _blocks(file, os.fstat(file.fileno()).st_size, os.fspath(path)), None
        return
    name = shown_name(path)
    if name == "standard input":
        if sys.stdin is None:
            raise UserError("is closed", path=name)
        buffer: Any = getattr(sys.stdin, "buffer", sys.stdin)
        yield _streamed(buffer, name), MAX_STREAM
        return
    found = _DESCRIPTOR.fullmatch(os.fspath(path))
    assert found is not None
    try:
        stream = io.FileIO(os.dup(int(found[1] or found[2])))
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path=name) from None
    with stream:
        yield _streamed(stream, name), MAX_STREAM


def _blocks(file: io.FileIO, size: int, name: str) -> Iterator[bytes]:
    left = size
    while left:
        try:
            block = file.read(min(BLOCK, left))
        except OSError as error:
            raise UserError(f"cannot be read ({error.strerror})", path=name) from None
        if not block:
            return
        left -= len(block)
        yield block


def _streamed(stream: IO[bytes] | io.FileIO, name: str) -> Iterator[bytes]:
    """What comes through a pipe, a terminal or a file that a shell has opened."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # not an open file: a test's, a notebook's
        descriptor = -1
    if descriptor >= 0:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            raise UserError("is a folder or a device, not text", path=name)
        if stat.S_ISCHR(status.st_mode) and not (os.isatty(descriptor) or _is_null(status)):
            raise UserError("is a device that never ends, not text", path=name)
    read = getattr(stream, "read1", stream.read)
    while True:
        _wait(descriptor, name)
        try:
            block = read(BLOCK)
        except OSError as error:
            raise UserError(f"cannot be read ({error.strerror})", path=name) from None
        if not block:
            return
        yield block


def _is_null(status: os.stat_result) -> bool:
    return getattr(status, "st_rdev", 0) == getattr(os.stat(os.devnull), "st_rdev", -1)


def _wait(descriptor: int, name: str) -> None:
    """Until a pipe has something to read; a terminal has as long as it likes."""
    if os.name != "posix" or descriptor < 0 or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    import select

    if not select.select([descriptor], [], [], WAIT)[0]:
        raise UserError(f"nothing came for {WAIT:.0f} seconds", path=name)


def _require_regular(mode: int, name: str) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something else")
    if kind == "a folder":
        raise UserError("is a folder; name the files in it", path=name)
    raise UserError(f"is not a regular file but {kind}", path=name)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _unpacked(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The content of gzip members, one after the other; what follows them as zeros is padding."""
    used, made = 0, 0
    unpack = zlib.decompressobj(wbits=31)
    for packed in blocks:
        used += len(packed)
        while packed:
            if unpack.eof:
                if not packed.strip(b"\0"):
                    break
                unpack = zlib.decompressobj(wbits=31)
            try:
                block = unpack.decompress(packed, BLOCK)
            except zlib.error as error:
                raise UserError(f"the packed file is damaged: {error}", path=name) from None
            packed = unpack.unconsumed_tail or unpack.unused_data
            made += len(block)
            if made > min(MAX_UNPACKED, MAX_RATIO * used + SLACK):
                raise UserError(f"is not read on: {used:,} bytes unpack to {made:,} and more", path=name)
            if block:
                yield block
    if not unpack.eof:
        raise UserError("the packed file is truncated", path=name, position=f"byte {made:,} of what it unpacks to")
