"""The bytes of a vector file: plain, gzip, or one member of a zip; nothing is extracted, nothing read beyond bounds.

A packed file is not trusted: what it unpacks to is bounded as a whole and by its ratio to what is packed, before
and while it is read.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rnnzoo.errors import UserError, nearest
from rnnzoo.opening import open_regular

__all__ = ["ByteReader", "Source", "open_source"]

MAX_BYTES = 64 << 30
"""Of a packed file, unpacked; the largest public ones have 7 GB."""
MAX_RATIO = 200
"""Of unpacked to packed size; vectors stay below 10."""
SLACK = 1 << 20
"""Bytes that may be unpacked from next to nothing."""

_BLOCK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may need gigabytes to unpack


@dataclass(frozen=True)
class Source:
    """An open vector file.

    Attributes:
        name: how errors call it: its path, with the member behind it.
        reader: its bytes, unpacked.
        size: how many there are; None where only reading them tells.
        most: how many there are at most.
    """

    name: str
    reader: IO[bytes]
    size: int | None
    most: int

    def error(self, message: str, *, line: int | None = None, byte: int | None = None) -> UserError:
        """The error to raise for something at a line (from 1) or a byte (from 0)."""
        position = f"line {line:,}" if line is not None else None if byte is None else f"byte {byte:,}"
        return UserError(message, path=self.name, position=position)


@contextlib.contextmanager
def open_source(path: Path, member: str | None = None) -> Iterator[Source]:
    """Opens a file for reading; how it is packed is seen from its first bytes.

    Args:
        path: a regular file.
        member: the file to read in a zip; may be left out where there is only one.

    Raises:
        UserError: missing, unreadable or damaged; a zip without that member, or whose member is not named though it
            has several; more is claimed or unpacked than the bounds allow. Errors of the reading itself, inside
            the ``with`` block, are turned into it too.
    """
    name = os.fspath(path)
    try:
        with open_regular(path, missing="is missing") as raw:
            status = os.fstat(raw.fileno())
            magic = raw.read(4)
            raw.seek(0)
            if magic == b"PK\x03\x04":
                with zipfile.ZipFile(raw) as archive:
                    info = _find(archive, member, name)
                    name = f"{name}/{info.filename}"
                    with archive.open(info) as inner:
                        reader = io.BufferedReader(_Bounded(inner.read, None, name), _BLOCK)
                        yield Source(name, reader, info.file_size, info.file_size)
                return
            if member is not None:
                raise UserError(f"is not a zip, so it has no member {member!r}", path=name)
            if magic[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    reader = io.BufferedReader(_Bounded(unpacked.read, raw, name), _BLOCK)
                    yield Source(name, reader, None, min(MAX_RATIO * status.st_size + SLACK, MAX_BYTES))
                return
            yield Source(name, io.BufferedReader(raw, _BLOCK), status.st_size, status.st_size)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(f"is a damaged zip: {error}", path=name) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", path=name) from None


def _find(archive: zipfile.ZipFile, member: str | None, name: str) -> zipfile.ZipInfo:
    files = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    if member is None and len(files) != 1:
        raise UserError(f"has {len(files)} files: name one as the member{nearest('', list(files)[:20])}", path=name)
    wanted = next(iter(files)) if member is None else member
    if wanted not in files:
        raise UserError(f"has no member {wanted!r}{nearest(wanted, files)}", path=name)
    info = files[wanted]
    if info.flag_bits & 1 or info.compress_type not in _METHODS:
        raise UserError("is encrypted or packed in a way that is not read: unpack it first", path=f"{name}/{wanted}")
    if info.file_size > min(MAX_BYTES, MAX_RATIO * info.compress_size + SLACK):
        raise UserError(
            f"is not read: {info.compress_size:,} bytes claim to unpack to {info.file_size:,}", path=f"{name}/{wanted}"
        )
    return info


class _Bounded(io.RawIOBase):
    """What is unpacked from a file, up to the bounds.

    Args:
        read: gives up to so many bytes of what is unpacked.
        packed: the file below, whose position tells how much was used; None where sizes were checked before.
        name: for errors.
    """

    def __init__(self, read: Callable[[int], bytes], packed: io.FileIO | None, name: str) -> None:
        self._read, self._packed, self._name = read, packed, name
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` as far as one read goes."""
        position = f"byte {self._at:,} of what it unpacks to"
        try:
            block = self._read(len(buffer))
        except EOFError:
            raise UserError("the packed file is truncated", path=self._name, position=position) from None
        except (OSError, zlib.error, zipfile.BadZipFile) as error:
            raise UserError(f"the packed file is damaged: {error}", path=self._name, position=position) from None
        self._at += len(block)
        packed = self._packed
        if packed is not None and self._at > min(MAX_BYTES, MAX_RATIO * packed.tell() + SLACK):
            raise UserError(f"is not read on: {packed.tell():,} bytes unpack to {self._at:,} and more", path=self._name)
        buffer[: len(block)] = block
        return len(block)


class ByteReader:
    """Reads a binary file from its begin, exactly as much as is asked for, some in advance.

    Args:
        source: the file; what was read of it before is not seen here.

    Attributes:
        at: the byte that comes next.
    """

    def __init__(self, source: Source, at: int = 0) -> None:
        self.source, self.at = source, at
        self._buffer, self._next = b"", 0

    def take(self, size: int, what: str) -> bytes:
        """The next `size` bytes.

        Raises:
            UserError: the file ends before; `what` is what it ends within.
        """
        if self._have(size) < size:
            raise self.source.error(f"ends within {what}", byte=self.at + self._have(0))
        return self._consume(size)

    def until(self, mark: bytes, most: int, what: str) -> bytes:
        """What comes before the byte `mark`, which is passed over.

        Raises:
            UserError: the file ends before, or there is no mark within the next `most` bytes.
        """
        found = self._buffer.find(mark, self._next, self._next + most)
        if found < 0:
            have = self._have(most)
            found = self._buffer.find(mark, self._next, self._next + most)
            if found < 0:
                raise self.source.error(
                    f"ends within {what}" if have < most else f"{what} has no end: damaged",
                    byte=self.at + (have if have < most else 0),
                )
        return self._consume(found + 1 - self._next)[:-1]

    def unpack(self, form: str, what: str) -> tuple[int, ...]:
        """Little-endian numbers, in `struct`'s notation."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}"), what))

    def next_is(self, byte: bytes) -> bool:
        """Whether `byte` comes next; False at the end of the file."""
        return self._have(1) > 0 and self._buffer.startswith(byte, self._next)

    def end(self, what: str) -> None:
        """Raises `UserError` when there is more behind `what`."""
        if self._have(1):
            raise self.source.error(f"goes on behind {what}", byte=self.at)

    def _have(self, size: int) -> int:
        """How many bytes lie ready, which are at least `size` unless the file ends."""
        while len(self._buffer) - self._next < size:
            block = self.source.reader.read(max(size, _BLOCK))
            if not block:
                break
            self._buffer, self._next = self._buffer[self._next :] + block, 0
        return len(self._buffer) - self._next

    def _consume(self, size: int) -> bytes:
        begin, self._next = self._next, self._next + size
        self.at += size
        return self._buffer[begin : self._next]
