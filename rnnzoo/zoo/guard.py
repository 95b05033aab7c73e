"""What a folder from anywhere is held to before a byte of it is used.

Files are regular and lie inside the folder, and ``entry.json`` names each with its size and hash. That the weights have
the shapes that the config asks for is `rnnzoo.zoo.weight_shapes`'.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import read_json, sha256_file
from rnnzoo.zoo.layout import ENTRY, ENTRY_FILES, NEEDED

__all__ = ["Listed", "check_file", "check_listed", "check_places", "listing"]


@dataclass(frozen=True)
class Listed:
    """What entry.json says of a file: its `size` in bytes and its `sha256`."""

    size: int
    sha256: str


def check_places(folder: Path, names: Iterable[str] = (ENTRY, *ENTRY_FILES)) -> None:
    """Refuses links that lead out of `folder`, and what is not a regular file; missing files are let pass.

    In the hub's cache, links lead to that cache's store of blobs.

    Raises:
        UserError: one of them is such a file.
    """
    own = folder.resolve()
    roots = [own]
    if own.parent.name == "snapshots" and own.parent.parent.name.startswith("models--"):
        roots += [own.parent.parent / "blobs", own.parent.parent.parent / "blobs"]
    for name in names:
        path = folder / name
        try:
            real = path.resolve()
            mode = real.stat().st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        except (OSError, RuntimeError) as error:  # a loop of links is either, by Python's version
            raise UserError(f"cannot be read: {error}", path=path) from None
        if not any(real.is_relative_to(root) for root in roots):
            raise UserError("is a link that leads out of the folder", path=path)
        if not stat.S_ISREG(mode):
            raise UserError("is not a regular file", path=path)


def listing(folder: Path) -> dict[str, Listed]:
    """The files that a folder's ``entry.json`` names.

    Raises:
        UserError: it is missing, damaged, of a newer version, names a file that no entry has, or lacks one that every
            entry needs.
    """
    path = folder / ENTRY
    data = read_json(path)
    if not isinstance(data, dict) or type(data.get("schema")) is not int or not isinstance(data.get("files"), dict):
        raise UserError("is not an entry's listing: 'schema' or 'files' is missing", path=path)
    if data["schema"] < 1:
        raise UserError(f"has schema {data['schema']}, which there never was", path=path)
    if data["schema"] > 1:
        raise UserError(f"has schema {data['schema']}; this rnnzoo knows up to 1: upgrade it", path=path)
    found = {}
    for name, item in data["files"].items():
        if name not in ENTRY_FILES:
            raise UserError(f"names {name[:80]!r}, which is no file of an entry", path=path)
        size = item.get("size") if isinstance(item, dict) else None
        sha256 = item.get("sha256") if isinstance(item, dict) else None
        if type(size) is not int or size < 0 or not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise UserError(f"size and sha256 of {name} are missing", path=path)
        found[name] = Listed(size, sha256)
    for name in NEEDED:
        if name not in found:
            raise UserError(f"does not name {name}", path=path)
    return found


def check_file(path: Path, listed: Listed) -> None:
    """Holds one file to what entry.json says of it.

    Raises:
        UserError: it is missing, or not those bytes.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise UserError("is missing", path=path) from None
    if size != listed.size:
        raise UserError(f"is damaged: {size:,} bytes, {listed.size:,} by entry.json", path=path)
    if sha256_file(path) != listed.sha256:
        raise UserError("is damaged: its sha256 is not the one in entry.json", path=path)


def check_listed(folder: Path) -> None:
    """Holds every file of a zoo entry to its ``entry.json``.

    Raises:
        UserError: as `listing` and `check_file`.
    """
    for name, listed in listing(folder).items():
        check_file(folder / name, listed)
