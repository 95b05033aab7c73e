"""Getting a corpus of the catalogue: from one of its sources, checked, complete or not at all."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from rnnzoo.data.catalogue import corpus_entry
from rnnzoo.data.places import data_roots, missing_files
from rnnzoo.data.sources import CorpusEntry, CorpusFile, Form, Source
from rnnzoo.data.transfer import TransferError, discard, fetch
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file, write_durably
from rnnzoo.system import lock

__all__ = ["get_corpus"]

Report = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are there, and the total where it is known."""

_MOST = 4 << 30  # bytes of a file or an archive whose size is not on record
_RATIO = 200  # of unpacked to packed size; text stays below 10
_BLOCK = 1 << 20


def get_corpus(name: str, *, report: Report | None = None) -> Path | None:
    """Makes sure that a corpus of the catalogue is here, complete and unchanged.

    It goes to ``RNNZOO_DATA``, or to the cache folder where that is not set. Each file is downloaded
    (continued, if an earlier run was cut off), unpacked and compared by size and sha256 under a temporary
    name, and only then gets its own; files that are there and right stay.

    Args:
        name: a name of the catalogue.
        report: told about the progress.

    Returns:
        The corpus's folder; None for one that is built in.

    Raises:
        UserError: unknown name, no source gives the file that the catalogue describes, the folder cannot
            be written.
    """
    entry = corpus_entry(name)
    if not entry.files:
        return None
    for root in data_roots():
        if not missing_files(entry, root) and all(_is_right(file, root / entry.folder) for file in entry.files):
            return root / entry.folder
    folder = data_roots()[0] / entry.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _get_files(entry, folder, report)
    except OSError as error:
        raise UserError(
            f"cannot be written ({error.strerror or error}); RNNZOO_DATA names another", path=folder
        ) from None
    return folder


def _get_files(entry: CorpusEntry, folder: Path, report: Report | None) -> None:
    wanted = [file for file in entry.files if not _is_right(file, folder)]
    if wanted and entry.hub:
        from rnnzoo.data.hub import fetch_hub_pairs  # `datasets` takes seconds to import

        fetch_hub_pairs(entry.hub, folder, (entry.languages[0], entry.languages[1]))
        if missing := missing_files(entry, folder.parent):
            raise UserError(f"hub dataset {entry.hub!r} is without what would be {', '.join(missing)}")
        return
    parts: set[Path] = set()  # what was downloaded; an archive serves all its members, so it goes last
    for file in wanted:
        _get_file(entry, file, folder, parts, report)
    for part in parts:
        discard(part)


def _get_file(entry: CorpusEntry, file: CorpusFile, folder: Path, parts: set[Path], report: Report | None) -> None:
    label = f"{entry.name}/{file.path}"
    reasons = []
    for source in file.sources:
        part = folder / f".{hashlib.sha256(source.url.encode()).hexdigest()[:16]}.part"
        plain = not (source.member or source.gzipped or source.form)
        limit = file.size if plain and file.size is not None else _MOST
        progress = None if report is None else functools.partial(report, label)
        try:
            resumed = part not in parts and fetch(source.url, part, limit=limit, progress=progress)
            parts.add(part)
            try:
                _put(source, part, file, folder)
            except TransferError:
                discard(part)
                if not resumed:
                    raise
                # the two halves may be of different files: once more, in one piece
                fetch(source.url, part, limit=limit, progress=progress)
                _put(source, part, file, folder)
            return
        except TransferError as error:
            reasons.append(f"{urlsplit(source.url).netloc}: {error}")
            if part in parts:  # it came whole, and is of no use
                parts.discard(part)
                discard(part)
    raise UserError(f"{label} is not to be had ({'; '.join(reasons)}); try again later")


def _put(source: Source, part: Path, file: CorpusFile, folder: Path) -> None:
    """Unpacks what was downloaded and compares it; only the right content gets the file's name."""

    def fill(out: IO[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        for block in _formed(_unpacked(source, part, file), source.form):
            out.write(block)
            digest.update(block)
            size += len(block)
        if wrong := _difference(file, size, digest.hexdigest()):
            raise TransferError("an HTML page came in place of the file" if _is_page(part) else wrong)

    write_durably(folder / file.path, fill)


def _unpacked(source: Source, part: Path, file: CorpusFile) -> Iterator[bytes]:
    """The file's bytes, a block at a time: nothing is ever extracted under a name that an archive gives."""
    most = _MOST if file.size is None or source.form else file.size
    try:
        if source.member:
            with zipfile.ZipFile(part) as archive:
                info = archive.getinfo(source.member)
                if info.file_size > _RATIO * max(info.compress_size, 1024):
                    raise TransferError(f"{source.member} claims to unpack to {info.file_size:,} bytes")
                with archive.open(info) as member:
                    yield from _blocks(member, most)
        elif source.gzipped:
            with gzip.open(part) as packed:
                yield from _blocks(packed, min(most, _RATIO * max(part.stat().st_size, 1024)))
        else:
            with part.open("rb") as whole:
                yield from _blocks(whole, most)
    except KeyError:
        raise TransferError(f"the archive has no {source.member}") from None
    except TransferError:
        raise
    except Exception as error:  # a dozen kinds, depending on which byte is wrong
        raise TransferError(f"not an archive, or a damaged one ({error})") from None


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _blocks(file: _Readable, most: int) -> Iterator[bytes]:
    done = 0
    while block := file.read(_BLOCK):
        done += len(block)
        if done > most:
            raise TransferError(f"more than the {most:,} bytes that were expected")
        yield block


def _formed(blocks: Iterator[bytes], form: Form) -> Iterator[bytes]:
    """See `Source.form`; these files are a few MB."""
    if not form:
        yield from blocks
        return
    data = b"".join(blocks)
    if form == "one-newline":
        lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield lines.rstrip(b"\n") + b"\n"
    else:
        words = b"\n".join(line.strip() for line in data.split(b"\n")).replace(b" ", b"_")
        spelt = bytearray(b" ") * (2 * len(words))
        spelt[::2] = words
        yield bytes(spelt)


def _is_right(file: CorpusFile, folder: Path) -> bool:
    path = folder / file.path
    return path.is_file() and not _difference(file, path.stat().st_size, sha256_file(path) if file.sha256 else "")


def _difference(file: CorpusFile, size: int, sha256: str) -> str:
    """How content of this size and hash is not `file`, in words; ``""`` when it is, as far as is known."""
    if file.size not in (None, size):
        return f"{size:,} bytes instead of {file.size:,}"
    if file.sha256 not in (None, sha256):
        return f"sha256 {sha256[:12]}... instead of {file.sha256[:12]}..."
    return "" if size else "an empty file"


def _is_page(part: Path) -> bool:
    with part.open("rb") as file:
        return file.read(256).lstrip().lower().startswith((b"<!doctype html", b"<html"))


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time downloads into `folder`; others wait, and then find the files there."""
    with (folder / ".lock").open("w") as file:
        lock(file, wait=True)
        yield
