"""Files that are there completely or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from .errors import UserError
from .opening import read_regular, regular_blocks

__all__ = [
    "append_line",
    "read_json",
    "read_lines",
    "read_utf8",
    "sha256_file",
    "write_durably",
    "write_json",
    "write_text",
]

_MAX_JSON = 64 << 20


def write_durably(path: Path, write: Callable[[IO[bytes]], Any], before: Callable[[Path], Any] | None = None) -> None:
    """Lets `write` fill a temporary file beside `path`, flushes it to the disk, then gives it its name.

    Args:
        path: the name. write: gets the open file.
        before: called with the temporary file when all of it is on the disk, before it takes the name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp's files are for their owner only
        if before is not None:
            before(Path(name))
        os.replace(name, path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):  # a full disk does not say what was written
            error.filename = str(path)
        raise
    if os.name == "posix":  # the new name is on the disk when its folder is
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, completely or not at all."""
    write_durably(path, lambda file: file.write(text.encode("utf-8", "surrogatepass")))


def write_json(path: Path, data: Any) -> None:
    """Writes `data` as JSON for people and machines, completely or not at all."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def append_line(path: Path, data: Any) -> None:
    """Adds a JSON line to a file of results, and has it on the disk before it returns; a torn last line is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there = read_regular(path, most=_MAX_JSON) if path.exists() else b""
    with path.open("ab") as file:
        file.truncate(there.rfind(b"\n") + 1)
        file.write((json.dumps(data) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[Any]:
    """What `append_line` has written; nothing where there is no file, and without a last line that was torn."""
    lines = read_regular(path, most=_MAX_JSON).split(b"\n")[:-1] if path.is_file() else []
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise UserError(f"is not a file of JSON lines: {error}", path=path) from None


def read_utf8(path: str | os.PathLike[str], *, missing: str = "no such file") -> str:
    """The text of a regular file that a program wrote, or somebody in the form that a program reads.

    Raises:
        UserError: it is missing, no regular file, larger than 64 MB, or not UTF-8.
    """
    try:
        return read_regular(path, most=_MAX_JSON, missing=missing).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError("is not UTF-8", path=os.fspath(path), position=f"byte {error.start}") from None


def read_json(path: Path) -> Any:
    """The content of a JSON file, as strictly as JSON is defined.

    Raises:
        UserError: it is missing, larger than 64 MB, or not JSON: ``NaN`` and keys that appear twice are refused.
    """
    try:
        text = read_regular(path, most=_MAX_JSON, missing="is missing").decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise UserError(f"is not JSON: {error.msg}", path=path, position=f"line {error.lineno}") from None
    except RecursionError:
        raise UserError("is not read: it is nested too deeply", path=path) from None
    except ValueError as error:
        raise UserError(f"cannot be read: {error}", path=path) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key appears twice")
    return data


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def sha256_file(path: Path) -> str:
    """The hash of a file's bytes, read a piece at a time.

    Raises:
        UserError: the file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for block in regular_blocks(path, missing="is missing"):
        digest.update(block)
    return digest.hexdigest()
