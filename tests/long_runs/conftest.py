"""The process that forks, and small recipes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from launcher import Launcher


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Imports everything once for all tests of this folder."""
    started = Launcher()
    yield started
    started.close()
