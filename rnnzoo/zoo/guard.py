"""What a folder from anywhere is held to before a byte of it is used.

Files are regular and lie inside the folder, ``entry.json`` names each with its size and hash, and the weights have the
shapes that the config asks for, which is known before anything of that size is allocated.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.overrides import TorchFunctionMode

from rnnzoo.errors import UserError, nearest
from rnnzoo.files import read_json, sha256_file
from rnnzoo.zoo.kinds.base import TOKENIZER, TOKENIZERS
from rnnzoo.zoo.weights import scaled_names

M = TypeVar("M", bound=nn.Module)

__all__ = [
    "ENTRY",
    "ENTRY_FILES",
    "Listed",
    "check_file",
    "check_listed",
    "check_places",
    "check_weights",
    "listing",
    "unallocated",
]

ENTRY = "entry.json"
NEEDED = ("config.json", "metrics.json", "model.safetensors", TOKENIZER)
_OTHERS = ("golden.safetensors", "recipe.yaml", "README.md", "curve.png", "confusion.png", "samples.txt")
ENTRY_FILES = (*dict.fromkeys((*NEEDED, *TOKENIZERS)), *_OTHERS)
"""The files that a zoo entry may have beside entry.json; no others are downloaded, uploaded or opened."""

_FLOATS = ("F64", "F32", "F16", "BF16")


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


def check_weights(build: Callable[[], nn.Module], layers: int, path: Path) -> None:
    """Compares names, shapes and kinds in the header of the safetensors file `path` with those of the config.

    Nothing is allocated for it, whatever sizes the config claims.

    Args:
        build: makes the model that the config describes. layers: how many layers it will have.
        path: the file.

    Raises:
        UserError: they differ, the file is not safetensors, or the config's fields do not fit together.
    """
    where = path.with_name("config.json")
    try:
        with safe_open(path, "pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            stored = {name: (tuple(piece.get_shape()), piece.get_dtype()) for name, piece in slices.items()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot be read as safetensors: {str(error)[:200]}", path=path) from None
    if layers > len(stored):  # before a module is made for each of them
        raise UserError(f"describes {layers} layers, but there are {len(stored)} weights in all", path=where)
    try:
        own = unallocated(build).state_dict(keep_vars=True)
    except (ValueError, TypeError, RuntimeError, OverflowError, MemoryError) as error:  # sizes beyond 64 bits, too
        raise UserError(f"describes a model that cannot be built: {str(error)[:200]}", path=where) from None
    tied = {id(tensor) for name, tensor in own.items() if name in stored}
    for name, tensor in own.items():
        if name not in stored and id(tensor) not in tied:
            raise UserError(f"has no weight {name!r}{nearest(name, stored)}", path=path)
    scaled = scaled_names(stored)
    for name, scales in scaled.items():
        rows = (*stored[name][0][:-1], 1)
        if stored[name][1] != "I8" or not stored[name][0] or stored[scales] != (rows, "F32"):
            raise UserError(f"{name[:80]!r} is not stored as eight bits and a scale for each row", path=path)
    for name, (shape, dtype) in stored.items():
        if name in scaled.values():
            continue
        if name not in own:
            raise UserError(f"has a weight {name[:80]!r} that the model does not{nearest(name[:80], own)}", path=path)
        if shape != tuple(own[name].shape):
            raise UserError(f"{name!r} is {shape}, expected {tuple(own[name].shape)}", path=path)
        if dtype not in _FLOATS and name not in scaled:
            raise UserError(f"{name!r} is stored as {dtype}, which is no floating-point type", path=path)


def unallocated(build: Callable[[], M]) -> M:
    """What `build` makes, with the shapes of its tensors but without their memory."""
    with torch.device("meta"), _NoDraws():
        return build()


class _NoDraws(TorchFunctionMode):
    """Leaves out the normal draws of initialisation: PyTorch loads 800 modules before the first on "meta", 1.5 s."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in (torch.Tensor.normal_, torch.nn.init.normal_):
            return args[0] if args else given["tensor"]
        return func(*args, **given)
