"""A hub with datasets, and processes that know it by HF_ENDPOINT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, running_hub
from hub_server.client import Client, running_client


@pytest.fixture(scope="session")
def hub_server() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(scope="session")
def client(hub_server: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_client(hub_server.url, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def hub(hub_server: Hub) -> Iterator[Hub]:
    """The hub, as good as it can be."""
    yield hub_server
    for faults in (hub_server.cut, hub_server.status, hub_server.spoil):
        faults.clear()
    hub_server.down, hub_server.page = False, 1000
    hub_server.log.clear()
    hub_server.cdn_log.clear()


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; a folder in it has the name of a dataset on the hub and is read in its place."""
    place = tmp_path / "local"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """A directory without any."""
    place = tmp_path / "away"
    place.mkdir()
    return place
