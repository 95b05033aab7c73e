"""Ranges: every number of every config has one, and every value is held to it."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
import sys
import typing
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest

import rnnzoo
from rnnzoo.backbones import StackConfig
from rnnzoo.config import Config
from rnnzoo.decoding import SamplingConfig, SearchConfig
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModelConfig
from rnnzoo.ranges import OutOfRange, Range
from rnnzoo.training import OptimizerConfig, RegularizationConfig, ScheduleConfig, StreamDataConfig


def _configs() -> list[type[Config]]:
    for module in pkgutil.walk_packages(rnnzoo.__path__, "rnnzoo."):
        # integrations import other people's packages, and have no configs of ours
        if not module.name.endswith("__main__") and not module.name.startswith("rnnzoo.integrations."):
            importlib.import_module(module.name)

    def below(cls: type[Config]) -> Iterator[type[Config]]:
        for sub in cls.__subclasses__():
            yield sub
            yield from below(sub)

    ours = {cls for cls in below(Config) if cls.__module__.startswith("rnnzoo.") and dataclasses.is_dataclass(cls)}
    return sorted(ours, key=lambda cls: (cls.__module__, cls.__qualname__))


def _bare(hint: Any) -> bool:
    """Whether there is an int or a float in a type that has no range."""
    if typing.get_origin(hint) is Annotated:
        return not any(isinstance(note, Range) for note in typing.get_args(hint)[1:])
    return hint in (int, float) or any(_bare(part) for part in typing.get_args(hint))


def test_every_number_of_every_config_has_a_range() -> None:
    numbers, without = 0, []
    configs = _configs()
    for cls in configs:
        if cls.__module__ not in sys.modules:  # another test made it, and took it away
            continue
        for name, hint in typing.get_type_hints(cls, include_extras=True).items():
            if name in {field.name for field in dataclasses.fields(cls)}:
                numbers += "Range" in repr(hint) or " x" in repr(hint)
                without += [f"{cls.__module__}.{cls.__qualname__}.{name}"] if _bare(hint) else []
    assert without == []
    assert len(configs) >= 55
    assert numbers >= 100


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("0 < x", [1e-300, 3], [0, -1, math.inf, math.nan]),
        ("0 <= x < 1", [0, 0.999], [1, -1e-9]),
        ("1 <= x <= 1e8", [1, 10**8], [0, 10**8 + 1, 10**5000]),
        ("x", [-5, 1e300], [math.inf, -math.inf, math.nan]),
        ("x <= 3", [3, -9], [3.1]),
    ],
)
def test_what_is_in_a_range(text: str, inside: list[float], outside: list[float]) -> None:
    limits = Range(text)
    assert all(value in limits for value in inside)
    assert not any(value in limits for value in outside)


def test_a_number_beside_a_range() -> None:
    limits = Range("2 <= x <= 9", also=(0,))
    assert 0 in limits
    assert 1 not in limits
    assert limits.said("width") == "2 <= width <= 9 or 0"
    with pytest.raises(ValueError, match="no range"):
        Range("x > 3")


@pytest.mark.parametrize(
    ("family", "data", "message"),
    [
        (OptimizerConfig, {"name": "adamw", "lr": -1}, "s.lr: 0 < lr <= 1e300; got -1"),
        (OptimizerConfig, {"name": "adamw", "lr": math.inf}, "s.lr: 0 < lr <= 1e300; got inf"),
        (OptimizerConfig, {"name": "adamw", "beta1": math.inf}, "s.beta1: 0 <= beta1 < 1; got inf"),
        (OptimizerConfig, {"name": "adamw", "weight_decay": -1}, "s.weight_decay: 0 <= weight_decay <= 1e6; got -1"),
        (OptimizerConfig, {"name": "sgd", "momentum": -1}, "s.momentum: 0 <= momentum < 1; got -1"),
        (ScheduleConfig, {"name": "zaremba", "decay": 0}, "s.decay: 1 <= decay <= 1e6; got 0"),
        (ScheduleConfig, {"name": "zaremba", "constant_epochs": -3}, "s.constant_epochs: 0 <= constant_epochs"),
        (ScheduleConfig, {"name": "plateau", "factor": 1.0}, "s.factor: 0 < factor < 1; got 1"),
        (RegularizationConfig, {"temporal": math.nan}, "s.temporal: 0 <= temporal <= 1e6; got nan"),
        (LanguageModelConfig, {"init_range": math.inf}, "s.init_range: 0 <= init_range <= 1000; got inf"),
        (LanguageModelConfig, {"init_range": 2**31}, "s.init_range: 0 <= init_range <= 1000; got 2147483648"),
        (LanguageModelConfig, {"adaptive_cutoffs": [5, -1]}, r"s.adaptive_cutoffs\[1\]: 1 <= .*; got -1"),
        (StackConfig, {"hidden_size": 10**5000}, "s.hidden_size: .* got a whole number of 5,001 digits"),
        (StackConfig, {"hidden_size": 2.0}, "s.hidden_size: expected int, not 2"),
        (StackConfig, {"hidden_size": True}, "s.hidden_size: expected int, not True"),
        (StreamDataConfig, {"eval_streams": 0}, "s.eval_streams: 1 <= eval_streams"),
    ],
)
def test_what_is_outside_is_refused_with_its_place_and_range(
    family: type[Config], data: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        family.from_dict(data, "s")


def test_classes_hold_their_numbers_too() -> None:
    with pytest.raises(OutOfRange, match="temperature: 0 <= temperature <= 1e6; got -1"):
        SamplingConfig(temperature=-1)
    with pytest.raises(ValueError, match="beam: 1 <= beam <= 10000; got 0"):  # it is a ValueError as well
        SearchConfig(beam=0)
    with pytest.raises(OutOfRange, match=r"hidden_size: .* got 0"):
        StackConfig(hidden_size=4).replace(hidden_size=0)


def test_numpys_numbers_become_pythons() -> None:
    config = StackConfig(hidden_size=np.int64(5), hidden_dropout=np.float32(0.5))  # type: ignore[arg-type]
    assert type(config.hidden_size) is int
    assert type(config.hidden_dropout) is float
    assert config == StackConfig.from_dict({"hidden_size": np.int32(5), "hidden_dropout": np.float64(0.5)})
