"""The notebooks of docs/notebooks, run from top to bottom in a kernel, with training cut to a few steps."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
CUT = """
import rnnzoo
_train = rnnzoo.train
_short = {"trainer.max_steps": 10, "trainer.log_every_n_steps": 5}
rnnzoo.train = lambda recipe, **fields: _train(recipe, **fields, **_short)
"""
"""Run before the first cell."""


def read(name: str) -> Any:
    nbformat = pytest.importorskip("nbformat", reason="the extra dev is not installed: no nbformat")
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_there_is_one_for_each_task() -> None:
    assert NOTEBOOKS == ["characters", "translation", "words"]
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    for name in NOTEBOOKS:
        assert f"({name}.ipynb)" in index
        cells = read(name).cells
        text = "".join(cell.source for cell in cells)
        for part in ("rnnzoo.train(", "## Look", "## Export", "export_model("):
            assert part in text, f"{name}: {part}"
        assert not any(cell.get("outputs") for cell in cells), f"{name}: outputs are not committed"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name: str, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="the extra dev is not installed: no nbclient")
    pytest.importorskip("ipykernel", reason="the extra dev is not installed: no kernel")
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    book = read(name)
    book.cells.insert(0, importlib.import_module("nbformat.v4").new_code_cell(CUT))
    outputs = _run(nbclient, book, tmp_path)
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    assert len(pictures) >= 1
    assert (tmp_path / f"{name}.onnx").is_file()


def _run(nbclient: Any, book: Any, folder: Path) -> list[Any]:
    environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    client = nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return [one for cell in book.cells for one in cell.get("outputs", [])]
