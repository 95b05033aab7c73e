"""Cells from outside, for tests: what one of them leaves behind is taken away again."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from rnnzoo.cells import CellConfig, _plugins

CELL = """
import rnnzoo
from rnnzoo.cells.rnn import RNN


@rnnzoo.register_cell("{name}")
class Mine(RNN):
    def __init__(self, input_size: int, hidden_size: int, scale: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.scale = scale
"""
"""A file that registers the cell {name}."""


@contextlib.contextmanager
def forgotten() -> Iterator[None]:
    """What is imported and registered within it is gone afterwards, as in another process."""
    members, files, modules = dict(CellConfig._members), dict(_plugins._files), set(sys.modules)
    try:
        yield
    finally:
        ours = {name: kind for name, kind in CellConfig._members.items() if kind.__module__.startswith("rnnzoo.cells.")}
        for registry, before in ((CellConfig._members, ours | members), (_plugins._files, files)):
            registry.clear()
            registry.update(before)
        for name in set(sys.modules) - modules:
            if not name.startswith(("rnnzoo", "torch", "lightning")) and _outside(name):
                del sys.modules[name]
        importlib.invalidate_caches()


def _outside(name: str) -> bool:
    """Whether a module is a test's own: it lies in a temporary folder."""
    return "pytest-" in str(getattr(sys.modules[name], "__file__", None))


def install(site: Path, distribution: str, module: str, code: str, **cells: str) -> None:
    """What an installer leaves in `site`: a module, and metadata that offers `cells` as entry points."""
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(code, encoding="utf-8")
    info = site / f"{distribution.replace('-', '_')}-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.1\n", encoding="utf-8")
    points = "".join(f"{name} = {value}\n" for name, value in cells.items())
    (info / "entry_points.txt").write_text(f"[rnnzoo.cells]\n{points}", encoding="utf-8")
