"""Runs end in samples of a hundred characters instead of two thousand, most of a small run's time."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _short_samples() -> Iterator[None]:
    report = importlib.import_module("rnnzoo.tasks.language_model.job")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "SAMPLE_TOKENS", 60)
        patch.setattr(report, "MORE_TOKENS", 20)
        yield
