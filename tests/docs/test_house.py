"""docs/house.py draws docs/architecture.md's pictures from the imports."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def house() -> Any:
    pytest.importorskip("grimp", reason="the extra dev is not installed: no grimp")
    spec = importlib.util.spec_from_file_location("house", ROOT / "docs" / "house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_arrow_of_the_path_is_an_import(house: Any) -> None:
    assert house.main(["--check"]) == 0


def test_every_package_has_a_floor(house: Any) -> None:
    named = {name for row in house.layers() for name in row}
    folders = {path.parent.name for path in (ROOT / "rnnzoo").glob("*/__init__.py")}
    assert folders <= named
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in ("floors", "path", "models"):
        assert f"(images/house-{name}.svg)" in page
        assert (house.IMAGES / f"house-{name}.svg").is_file()
