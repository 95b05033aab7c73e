"""The names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping

__all__ = ["lazily"]


def lazily(package: str, home: Mapping[str, str]) -> Callable[[str], object]:
    """A package's ``__getattr__``. Hide it from type checkers, which would take any misspelt name for granted.

    Args:
        package: its ``__name__``. home: each name's module in it; none is called as a name is, or, once imported, it
            would take the name's place.
    """

    def find(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)  # found directly from now on
        return value

    return find
