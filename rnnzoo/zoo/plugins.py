"""What a folder says of cells that are not built in: where they come from, so that whoever loads it can get them.

``config.json`` then has a key `plugins`: for each such cell the distribution and version, or the file and its sha256.
It is only ever shown to people. Loading a folder imports nothing, whatever it says.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.cells._plugins import origin
from rnnzoo.config import Config
from rnnzoo.errors import UserError

__all__ = ["changed_plugins", "check_plugins", "plugins_of"]

_FORMS = {
    "distribution": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
    "version": re.compile(r"[A-Za-z0-9.+!_-]{1,60}"),
    "file": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"),
    "sha256": re.compile("[0-9a-f]{64}"),
    "module": re.compile(r"[A-Za-z0-9_.]{1,100}"),
}
"""What somebody else's file may make us print: no line break, no escape sequence, no command."""


def plugins_of(config: Config) -> dict[str, dict[str, str]]:
    """The cells in `config` that are not built in, by name, with where they come from."""
    found = {type(cell) for cell in _cells(config) if cell.name not in builtin_cells()}
    return {kind.name: origin(kind) for kind in sorted(found, key=lambda kind: kind.name)}


def _cells(value: Any) -> Iterator[CellConfig]:
    if isinstance(value, CellConfig):
        yield value
    if isinstance(value, Config):
        for field in dataclasses.fields(value):
            yield from _cells(getattr(value, field.name))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _cells(item)


def check_plugins(plugins: Any, path: Path) -> None:
    """Looks whether the cells that a folder needs are registered.

    Args:
        plugins: what its config.json has under that key; anybody may have written it.
        path: that file, for messages.

    Raises:
        UserError: one is not; says where it comes from and what to do. Or it is not what rnnzoo writes.
    """
    for name, source in _read(plugins, path).items():
        if name in builtin_cells() or name in CellConfig._members:
            continue
        said = repr(name)
        if "distribution" in source:
            package = source["distribution"]
            raise UserError(
                f"needs the cell {said} of the package {package} {source.get('version', '')}: if you trust that "
                f"package, install it and add --import {package} (in Python, import it first)",
                path=path,
            )
        if "file" in source:
            file, sha256 = source["file"], source.get("sha256", "")
            raise UserError(
                f"needs the cell {said} of the file {file} (sha256 {sha256[:12]}...): if you have it and trust it, add "
                f"--import {file} (in Python, import it first)",
                path=path,
            )
        raise UserError(
            f"needs the cell {said}, which was defined in {source.get('module', 'a Python session')}: define it first",
            path=path,
        )


def changed_plugins(plugins: Any, path: Path) -> list[str]:
    """How the registered cells differ from those that the folder was written with, a line for each that does.

    Raises:
        UserError: as `check_plugins`.
    """
    check_plugins(plugins, path)
    lines = []
    for name, then in _read(plugins, path).items():
        now = origin(CellConfig.find(name))
        if now != then:
            lines.append(f"{name} was {_described(then)}, is {_described(now)}")
    return lines


def _described(source: Mapping[str, str]) -> str:
    return " ".join(value[:12] if key == "sha256" else value for key, value in source.items())


def _read(plugins: Any, path: Path) -> dict[str, dict[str, str]]:
    if not isinstance(plugins, Mapping) or not all(map(_whole, plugins.keys(), plugins.values())):
        raise UserError("'plugins' is not one that rnnzoo wrote", path=path)
    return dict(plugins)


def _whole(name: str, source: Any) -> bool:
    named = re.fullmatch(r"[\w.-]{1,60}", name) is not None and isinstance(source, Mapping) and bool(source)
    return named and all(
        key in _FORMS and isinstance(value, str) and _FORMS[key].fullmatch(value) is not None
        for key, value in source.items()
    )
