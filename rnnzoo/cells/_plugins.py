"""Cells from outside: imported from a file, or offered by an installed package.

Who may import what:

- your own Python code and `import_cells` (the command's ``--import``) import what you name;
- a recipe may name a cell that an installed package offers (entry points of the group ``rnnzoo.cells``), and that
  entry point is loaded when the name is first asked for;
- whatever else names a cell, above all the ``config.json`` of a folder, finds built-in and registered cells only.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import sys
import traceback
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from rnnzoo.cells._offers import GROUP, in_words, load_offered, offered
from rnnzoo.cells.base import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file

__all__ = ["import_cells", "origin"]

_files: dict[str, tuple[Path, str]] = {}  # modules that `import_cells` made: their file, and its sha256 at that time


def import_cells(place: str) -> None:
    """Imports somebody's cells: what ``--import`` does. It runs their code.

    Args:
        place: a Python file (its name ends in ``.py``), or an installed package, by the name of its distribution or
            of its module; of a package that offers cells as entry points, these are loaded.

    Raises:
        UserError: there is no such file or package, or it cannot be imported; the place in the file is named.
    """
    if place.endswith(".py"):
        _import_file(Path(place))
        return
    wanted = _normal(place)
    points = [
        point
        for point in importlib.metadata.entry_points(group=GROUP)
        if wanted in (_normal(point.module.partition(".")[0]), _normal(point.dist.name if point.dist else ""))
    ]
    for point in points:
        load_offered(point, CellConfig._members)
    if not points:
        try:
            importlib.import_module(place)
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and error.name == place.partition(".")[0]:
                raise UserError(f"--import {place}: no such package is installed, and it is no .py file") from None
            raise UserError(f"--import {place}: cannot be imported: {in_words(error)}") from error


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise UserError("no such file", path=path)
    # Under a name of its own, so that my `torch.py` is not taken for torch by whoever imports that later.
    module_name = f"_imported_{path.stem}"
    if module_name in _files:
        if _files[module_name] == (path.resolve(), sha256_file(path)):
            return
        if _files[module_name][0] != path.resolve():
            raise UserError(f"another file of that name is imported already: {_files[module_name][0]}", path=path)
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    _files[module_name] = (path.resolve(), sha256_file(path))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name], _files[module_name]
        line = error.lineno if isinstance(error, SyntaxError) else None
        for frame in traceback.extract_tb(error.__traceback__):
            line = frame.lineno if Path(frame.filename) == path else line
        raise UserError(
            f"cannot be imported: {in_words(error)}", path=path, position=None if line is None else f"line {line}"
        ) from error


def origin(config: type[CellConfig]) -> dict[str, str]:
    """Where a cell that is not built in comes from, so that somebody else can get it.

    Returns:
        ``distribution`` and ``version`` of an installed package; or ``file`` and its ``sha256``; or the ``module``,
        such as ``__main__``, where there is neither.
    """
    module = config.__module__
    if module in _files:
        path, sha256 = _files[module]
        return _file(path, sha256)
    top = module.partition(".")[0]
    point = offered().get(config.name)
    names = [point.dist.name] if point is not None and point.dist and point.module.partition(".")[0] == top else []
    for name in names or importlib.metadata.packages_distributions().get(top, []):
        try:
            return {"distribution": name, "version": importlib.metadata.version(name)}
        except PackageNotFoundError:
            continue
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is not None and module != "__main__":
        return _file(Path(file), sha256_file(Path(file)))
    return {"module": module}


def _file(path: Path, sha256: str) -> dict[str, str]:
    return {"file": re.sub(r"[^A-Za-z0-9_.-]", "_", path.name), "sha256": sha256}  # as a shell and a terminal bear it


def _normal(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
