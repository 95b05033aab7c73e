"""examples/forecast.py trains, in a plain loop and with skorch, and the layers' benchmark measures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import layers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def forecast() -> ModuleType:
    spec = importlib.util.spec_from_file_location("forecast", ROOT / "examples" / "forecast.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def untrained(forecast: ModuleType) -> float:
    return forecast.main(["--epochs", "0", "--days", "30"])


def test_the_plain_loop_trains(forecast: ModuleType, untrained: float) -> None:
    assert forecast.main(["--epochs", "4", "--days", "30"]) < 0.8 * untrained


def test_skorch_trains_it_too(forecast: ModuleType, untrained: float) -> None:
    pytest.importorskip("skorch", reason="the extra dev has it")
    assert forecast.main(["--epochs", "3", "--days", "30", "--skorch", "--cell", "gru"]) < 0.8 * untrained


def test_the_page_shows_the_example() -> None:
    page, example = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/layers.md", "examples/forecast.py"))
    shown = page.split("```python\nclass Forecaster")[1].split("```")[0]
    bare = "\n".join(line for line in example.splitlines() if '"""A recurrent layer that' not in line)
    assert f"class Forecaster{shown}".strip() in bare.replace("(nn.Module):\n\n", "(nn.Module):\n")


def test_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "use_threads", lambda threads: None)
    ratios = layers.main(["--rounds", "1", "--shapes", "2x4x3", "--cells", "lstm", "mingru"])
    assert len(ratios) == 6
    assert all(0 < ratio < 1e3 for ratio in ratios.values())
