"""One URL into one file, continued where an earlier attempt was cut off."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnzoo.files import read_utf8

__all__ = ["Progress", "TransferError", "discard", "fetch"]

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the total, where the server says it."""

_TIMEOUT = 30.0  # seconds without a byte
_TRIES = 5  # cut connections in one call; what has arrived is kept for the next call
_BLOCK = 1 << 18


class TransferError(Exception):
    """A source did not give the file; the message says why, in a few words."""


class _TooMuchError(TransferError):
    """More than the limit: what has arrived is of no use."""


class _Cut(Exception):
    """The connection ended early: worth another attempt."""


def fetch(url: str, part: Path, *, limit: int, progress: Progress | None = None) -> bool:
    """Brings the whole of `url` into the file `part`.

    What is already in `part` is kept if the server still has the same file: it is asked by ``Range`` with
    ``If-Range`` and the entity tag (or date) noted beside it. A server that ignores ranges sends all again.

    Args:
        url: http or https.
        part: grows as bytes come in, and stays when the transfer fails.
        limit: more bytes than this are refused.
        progress: told about every block.

    Returns:
        Whether the last request continued what an earlier one had brought.

    Raises:
        TransferError: the server refuses, is not reached, or cuts the connection time and again.
        OSError: `part` cannot be written.
    """
    if not url.startswith(("http://", "https://")):
        raise TransferError("not an http address")
    for _ in range(_TRIES):
        try:
            return _attempt(url, part, limit, progress)
        except _Cut as error:
            reason = str(error)
        except _TooMuchError:
            discard(part)
            raise
    raise TransferError(f"{reason}, {_TRIES} times")


def discard(part: Path) -> None:
    """Removes `part` and the note beside it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _attempt(url: str, part: Path, limit: int, progress: Progress | None) -> bool:
    """One request; returns whether it continued what was there."""
    tag = read_utf8(_note(part)) if _note(part).exists() else ""
    start = part.stat().st_size if tag and part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "rnnzoo", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", tag)
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 416:
                raise TransferError(f"HTTP {error.code}") from None
            if start and error.headers.get("Content-Range") == f"bytes */{start}":
                return True  # all of it was there
            discard(part)
            raise _Cut("the server refuses to go on") from None
    except urllib.error.URLError as error:
        raise TransferError(_words(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(_words(error)) from None
    with response:
        continued: bool = response.status == 206
        total = _length(response, start if continued else 0)
        if continued and (_start(response) != start or _tag(response) not in ("", tag)):
            discard(part)
            raise _Cut("the server sends another part than asked for")
        if not continued:
            start = 0
            discard(part)
            _note(part).write_text(_tag(response), encoding="utf-8")
        if total is not None and total > limit:
            raise _TooMuchError(f"{total:,} bytes, {limit:,} at most were expected")
        with part.open("ab") as file:
            done = _copy(response, file, start, limit, total, progress)
    if total is not None and done != total:
        raise _Cut(f"the connection was cut after {done:,} of {total:,} bytes")
    return continued


def _copy(response: Any, file: Any, done: int, limit: int, total: int | None, progress: Progress | None) -> int:
    while True:
        try:
            block = response.read1(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _Cut(f"the connection was cut ({_words(error)})") from None
        if not block:
            return done
        done += len(block)
        if done > limit:
            raise _TooMuchError(f"more than the {limit:,} bytes that were expected")
        file.write(block)
        if progress is not None:
            progress(done, total)


def _note(part: Path) -> Path:
    """Where the entity tag of what is in `part` is kept."""
    return part.with_name(part.name + ".tag")


def _tag(response: Any) -> str:
    """What `If-Range` may be asked with: a strong entity tag, else the date, else nothing."""
    tag = response.headers.get("ETag") or ""
    return tag if tag.startswith('"') else response.headers.get("Last-Modified") or ""


def _start(response: Any) -> int:
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)", response.headers.get("Content-Range") or "")
    return int(match[1]) if match else -1


def _length(response: Any, start: int) -> int | None:
    """The size of the whole file."""
    length = response.headers.get("Content-Length") or ""
    return start + int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None


def _words(error: object) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
