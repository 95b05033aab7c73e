"""What the process is told about memory."""

from __future__ import annotations

import os

import pytest

from rnnzoo.training import keep_few_kernels


def test_what_somebody_has_said_to_onednn_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "7")
    keep_few_kernels()
    assert os.environ[name] == "7"
    monkeypatch.delenv(name)
    keep_few_kernels()
    assert os.environ[name] == "64"
