"""An entry in order, for the attackers to start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_entry import make


@pytest.fixture(scope="session")
def made_entry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("entry")).entry
