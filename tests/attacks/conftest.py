"""Entries in order, for the attackers to start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_classifier import make_classifier
from small_entry import make
from small_translator import make_translator


@pytest.fixture(scope="session")
def made_entry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("entry")).entry


@pytest.fixture(scope="session")
def made_translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_translator(tmp_path_factory.mktemp("translator")).entry


@pytest.fixture(scope="session")
def made_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_classifier(tmp_path_factory.mktemp("classifier")).entry
