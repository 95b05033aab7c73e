"""The cells that installed packages offer as entry points of the group ``rnnzoo.cells``.

Nothing is imported to find them; one is loaded where a recipe asks for it by name. Whatever else names a cell, above
all the ``config.json`` of a folder, finds built-in and registered cells only.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Container, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import EntryPoint

from rnnzoo.errors import UserError

__all__ = ["GROUP", "in_words", "installed_allowed", "load_offered", "offered", "package_of", "resolve_offered"]

GROUP = "rnnzoo.cells"
"""The group of entry points in which a package offers cells, by name: ``leaky = "my_cells:LeakyConfig"``."""

_allowed: ContextVar[bool] = ContextVar("installed_allowed", default=False)


def offered() -> dict[str, EntryPoint]:
    """The cells that installed packages offer, by name; nothing is imported to find them.

    Raises:
        UserError: two packages offer one name.
    """
    found: dict[str, EntryPoint] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if (other.value, package_of(other)) != (point.value, package_of(point)):
            raise UserError(f"two packages offer a cell {point.name!r}: {package_of(other)} and {package_of(point)}")
    return found


@contextmanager
def installed_allowed() -> Iterator[None]:
    """Within it, asking for a cell by name imports the installed package that offers it: for recipes."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def resolve_offered(name: str, where: str, registered: Container[str]) -> None:
    """Loads the cell `name` from the installed package that offers it, if one does and that is allowed here.

    Args:
        name: of a cell that is not known yet. where: the dotted place that names it, for error messages.
        registered: the names of the cells that are known; loading adds to them.

    Raises:
        UserError: it is not allowed here, or the package cannot be imported.
    """
    point = offered().get(name)
    if point is None:
        return
    if not _allowed.get():
        raise UserError(
            f"{where}: the cell {name!r} of the installed package {package_of(point)} is not imported: name it with "
            f"--import {package_of(point)}, or in Python import {point.module}".lstrip(": ")
        )
    load_offered(point, registered)


def load_offered(point: EntryPoint, registered: Container[str]) -> None:
    """Imports what `point` offers, unless a cell of its name is registered already.

    Raises:
        UserError: it cannot be imported, or registers no cell of that name.
    """
    if point.name in registered:
        return
    try:
        point.load()
    except Exception as error:
        raise UserError(
            f"the cell {point.name!r} of the package {package_of(point)} ({point.value}) cannot be imported: "
            f"{in_words(error)}"
        ) from error
    if point.name not in registered:
        raise UserError(
            f"the package {package_of(point)} offers a cell {point.name!r}, but {point.value} registers none of that "
            "name"
        )


def package_of(point: EntryPoint) -> str:
    """The name of the distribution that offers it."""
    return point.dist.name if point.dist is not None else point.module.partition(".")[0]


def in_words(error: Exception) -> str:
    """An error and its kind, on one line."""
    return f"{type(error).__name__}: {error}"
