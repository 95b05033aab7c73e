"""Recurrent cells, one file each; a file's name is the cell's name in recipes.

Every cell is also a layer for anyone::

    layer = rnnzoo.cells.lstm(10, 20)
    y, state = layer(x)                # x (B, T, 10) -> y (B, T, 20)
    y_t, state = layer.step(x_t, state)
"""

from __future__ import annotations

import importlib
from typing import Any

from rnnzoo.cells._plugins import import_cells
from rnnzoo.cells._register import register_cell
from rnnzoo.cells.base import Cell, CellConfig, builtin_cells, unroll

__all__ = ["Cell", "CellConfig", "builtin_cells", "import_cells", "register_cell", "unroll"]


def __getattr__(name: str) -> Any:
    if name in builtin_cells():
        return importlib.import_module(f"rnnzoo.cells.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *builtin_cells()})
