"""What a folder says of cells that are not built in; it is shown, and never believed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_cells import CELL, forgotten, install

from rnnzoo.cells import import_cells
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.models import LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import load_folder, save_folder
from rnnzoo.zoo.plugins import plugins_of


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    with forgotten():
        yield


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """A saved model whose second layer is a cell of the file mine.py, which this process does not have."""
    (tmp_path / "mine.py").write_text(CELL.format(name="mine"))
    with forgotten():
        import_cells(str(tmp_path / "mine.py"))
        backbone = {"cells": ["lstm", {"name": "mine", "scale": 2.0}], "hidden_size": 4}
        config = LanguageModelConfig.from_dict({"embedding_dim": 3, "backbone": backbone})
        save_folder(tmp_path / "entry", config.build(CharTokenizerConfig().build(["abc"])))
    return tmp_path / "entry"


def edit(entry: Path, change: dict[str, Any]) -> None:
    """Changes config.json, with its hash, as somebody who publishes a folder can."""
    config = json.loads((entry / "config.json").read_text()) | change
    (entry / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    metrics = json.loads((entry / "metrics.json").read_text())
    metrics["files"]["config.json"] = sha256_file(entry / "config.json")
    (entry / "metrics.json").write_text(json.dumps(metrics))


def test_built_in_cells_need_nothing(folder: Path) -> None:
    assert "plugins" not in json.loads((folder / "config.json").read_text())


def test_the_file_and_its_hash_are_noted(entry: Path) -> None:
    sha256 = sha256_file(entry.parent / "mine.py")
    plugins = json.loads((entry / "config.json").read_text())["plugins"]
    assert plugins == {"mine": {"file": "mine.py", "sha256": sha256}}
    with pytest.raises(
        UserError, match=rf"config\.json: needs the cell 'mine' of the file mine\.py \(sha256 {sha256[:12]}"
    ):
        load_folder(entry)
    import_cells(str(entry.parent / "mine.py"))
    model = load_folder(entry)
    assert model.backbone.layers[1].scale == 2.0
    assert plugins_of(model.config) == plugins


@pytest.mark.parametrize("plugins", [None, {"mine": {"distribution": "my-cells", "version": "2.1"}}])
def test_a_folder_imports_nothing_even_what_is_installed(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: Any
) -> None:
    """Whether it says that it needs the package or not."""
    install(tmp_path / "site", "my-cells", "my_module", CELL.format(name="mine"), mine="my_module:Mine")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    edit(entry, {"plugins": plugins})
    with pytest.raises(UserError, match=r"--import my-cells"):
        load_folder(entry)
    assert "my_module" not in sys.modules
    import_cells("my-cells")
    assert load_folder(entry).num_parameters > 0


def test_a_cell_of_a_session_is_named(entry: Path) -> None:
    edit(entry, {"plugins": {"mine": {"module": "__main__"}}})
    with pytest.raises(UserError, match="needs the cell 'mine', which was defined in __main__: define it first"):
        load_folder(entry)


@pytest.mark.parametrize(
    "plugins",
    [
        "mine",
        {"mine": "mine.py"},
        {"mine": {}},
        {"mine": {"file": "mine.py; rm -r x"}},
        {"mine": {"file": "\x1b[31mmine.py"}},
        {"mine": {"distribution": "my-cells\nrnnzoo: all is well"}},
        {"mine": {"distribution": 3}},
        {"mine": {"url": "x"}},
        {"mi\nne": {"file": "mine.py"}},
    ],
)
def test_what_rnnzoo_did_not_write_is_not_shown(entry: Path, plugins: Any) -> None:
    edit(entry, {"plugins": plugins})
    with pytest.raises(UserError, match=r"config\.json: 'plugins' is not one that rnnzoo wrote$"):
        load_folder(entry)
