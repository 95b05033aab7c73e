"""The short way to a cell of one's own: a class, and a name."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from rnnzoo.cells.base import Cell, CellConfig

__all__ = ["register_cell"]

C = TypeVar("C", bound=type[Cell])


def register_cell(name: str) -> Callable[[C], C]:
    """Makes a cell known under `name`, in recipes, on the command line and in Python.

    ::

        @rnnzoo.register_cell("leaky")
        class Leaky(Cell):
            def __init__(self, input_size: int, hidden_size: int, leak: float = 0.9) -> None: ...

    A config is made of the arguments after the two sizes: ``cell: {name: leaky, leak: 0.5}``. A cell that checks its
    options, or builds different cells, has a config of its own instead, a `CellConfig` with a ``name``, which needs
    no registering.

    Args:
        name: what recipes call it.

    Raises:
        TypeError: it is not a `Cell` whose arguments are the two sizes, then options that have types.
        ValueError: there is a cell of that name.
    """

    def register(cell: C) -> C:
        if not (isinstance(cell, type) and issubclass(cell, Cell)):
            raise TypeError(f"{name}: register_cell stands over a subclass of rnnzoo.cells.Cell")
        sizes, options = _arguments(cell)
        if sizes != ["input_size", "hidden_size"]:
            raise TypeError(f"{cell.__name__} takes ({', '.join(sizes)}, ...), not (input_size, hidden_size, ...)")

        def build(self: Any, input_size: int, hidden_size: int) -> Cell:
            return cell(input_size, hidden_size, **{option: getattr(self, option) for option in options})

        def body(namespace: dict[str, Any]) -> None:
            namespace["__module__"], namespace["__doc__"] = cell.__module__, cell.__doc__
            namespace["__qualname__"] = f"{cell.__qualname__}Config"
            namespace["__annotations__"] = {option: hint for option, (hint, _) in options.items()}
            namespace["build"] = build
            namespace |= {option: value for option, (_, value) in options.items() if value is not inspect._empty}

        config = types.new_class(f"{cell.__name__}Config", (CellConfig,), {"name": name}, body)
        dataclasses.dataclass(frozen=True, kw_only=True)(config)
        return cell

    return register


def _arguments(cell: type[Cell]) -> tuple[list[str], dict[str, tuple[Any, Any]]]:
    """The names of a cell's first two arguments, and the others with their types and defaults."""
    parameters = list(inspect.signature(cell).parameters.values())
    hints = typing.get_type_hints(cell.__init__)
    for parameter in parameters[2:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name not in hints:
            raise TypeError(f"{cell.__name__}: the option {parameter} needs a name and a type")
    return [p.name for p in parameters[:2]], {p.name: (hints[p.name], p.default) for p in parameters[2:]}
