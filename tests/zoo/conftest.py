"""A small model, the folder that it is saved in, a run and an entry of it, and a hub to publish it on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import Hub, running_hub
from huggingface_hub import constants
from small_entry import NAME, Made, make, small_model

from rnnzoo.models import LanguageModel
from rnnzoo.zoo import save_folder


@pytest.fixture
def make_model() -> Callable[..., LanguageModel]:
    return small_model


@pytest.fixture
def model() -> LanguageModel:
    return small_model()


@pytest.fixture
def folder(model: LanguageModel, tmp_path: Path) -> Path:
    """A saved model."""
    path = tmp_path / "entry"
    save_folder(path, model, recipe="task: char_lm\n")
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def text(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copy(made.text, tmp_path))


@pytest.fixture
def run(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.run, tmp_path / "runs" / NAME / "1"))


@pytest.fixture
def entry(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.entry, tmp_path / "pretrained" / NAME))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and an empty cache: what HF_ENDPOINT and HF_HOME say to a process that has not read them yet."""
    with running_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield running


@pytest.fixture
def online(hub: Hub, entry: Path) -> Hub:
    """The hub with the entry on it, as org/poem, tag v1."""
    hub.add("org/poem", {path.name: path.read_bytes() for path in entry.iterdir()})
    return hub
