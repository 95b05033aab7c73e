"""Others' packages are imported by the tests that use them: collecting costs nothing, and a missing one is a skip."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_entry


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> small_entry.Made:
    """A small entry, which nobody writes to."""
    return small_entry.make(tmp_path_factory.mktemp("entry"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
