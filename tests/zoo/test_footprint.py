"""What a training cost the air, as it is said on cards."""

from __future__ import annotations

from typing import Any

import pytest

from rnnzoo.zoo.footprint import footprint


def test_by_hand() -> None:
    """Two hours on four cores: 2 h x 60 W = 0.12 kWh, of which each is 480 g."""
    found = footprint({"training": {"seconds": 7200.0}, "hardware": {"device": "cpu", "devices": 4}})
    assert found is not None
    assert found.kwh == pytest.approx(0.12)
    assert found.grams == pytest.approx(57.6)
    assert str(found).startswith("about 58 g of CO2: 2.0 hours at an assumed 60 watts")


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"training": {"seconds": 1.0}, "hardware": {"device": "abacus", "devices": 1}},
        {"training": {}, "hardware": {"device": "cpu", "devices": 1}},
        {"training": {"seconds": 1.0}, "hardware": {"device": "cpu"}},
        {"training": [], "hardware": "cpu"},
    ],
)
def test_what_is_not_on_record_is_not_guessed(metrics: dict[str, Any]) -> None:
    assert footprint(metrics) is None
