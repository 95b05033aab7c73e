"""What a training cost the air: an estimate from its hours, and from watts that are assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["GRAMS_PER_KWH", "WATTS", "Footprint", "footprint"]

WATTS = {"cpu": 15.0, "cuda": 400.0}
"""Assumed draw of a device under load, with its share of the machine: one core of a server's processor, one GPU."""

GRAMS_PER_KWH = 480.0
"""CO2 of a kilowatt-hour of electricity, the world's mean of 2023 (Ember, Global Electricity Review 2024)."""


class Footprint(NamedTuple):
    """An estimate.

    Attributes:
        hours: of training. watts: assumed, of all devices. kwh: their product. grams: of CO2.
    """

    hours: float
    watts: float
    kwh: float
    grams: float

    def __str__(self) -> str:
        return (
            f"about {self.grams:,.{0 if self.grams >= 10 else 1}f} g of CO2: {self.hours:.1f} hours at an assumed "
            f"{self.watts:,.0f} watts, and {GRAMS_PER_KWH:.0f} g a kilowatt-hour, the world's mean of 2023"
        )


def footprint(metrics: Mapping[str, Any]) -> Footprint | None:
    """The footprint of the training on record; None where time or device are not on record, or not one of `WATTS`."""
    training, hardware = metrics.get("training"), metrics.get("hardware")
    if not isinstance(training, Mapping) or not isinstance(hardware, Mapping):
        return None
    seconds, watts, devices = training.get("seconds"), WATTS.get(str(hardware.get("device"))), hardware.get("devices")
    if watts is None or not isinstance(seconds, (int, float)) or not isinstance(devices, int):
        return None
    hours, drawn = seconds / 3600, watts * devices
    return Footprint(hours, drawn, hours * drawn / 1000, hours * drawn / 1000 * GRAMS_PER_KWH)
