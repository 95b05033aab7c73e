"""Configs and their closed, typed dictionaries."""

from __future__ import annotations

import json
from abc import ABC
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, Literal

import pytest

from rnnzoo.backbones import BidirectionalStackConfig, StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig, TokenizerConfig


class Shape(Config, ABC, family="shape"):
    """A family."""


@dataclass(frozen=True)
class Circle(Shape, name="circle"):
    radius: float = 1.0


@dataclass(frozen=True)
class Polygon(Shape, name="polygon"):
    corners: int
    closed: bool = True


@dataclass(frozen=True)
class Point(Config):
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError(f"x is {self.x}, and must not be negative")


@dataclass(frozen=True)
class Drawing(Config):
    title: str
    shape: Shape = field(default_factory=Circle)
    more: tuple[Shape, ...] = ()
    origin: Point = Point()
    size: tuple[int, float] = (1, 1.0)
    colour: Literal["red", "blue"] = "red"
    alpha: float | None = None
    limit: int | str = 3
    notes: Any = None


FULL = Drawing(
    "t",
    Polygon(5),
    (Circle(2.0), Polygon(3, closed=False)),
    Point(1.0, -2.0),
    (2, 0.5),
    "blue",
    0.25,
    "all",
    {"a": [1]},
)


@pytest.mark.parametrize("config", [FULL, Drawing("t"), Drawing("t", limit=7)])
def test_round_trip_through_json(config: Drawing) -> None:
    data = config.to_dict()
    assert Drawing.from_dict(data) == config
    assert Drawing.from_dict(json.loads(json.dumps(data))) == config


def test_the_dictionary_names_the_members_of_families() -> None:
    assert FULL.to_dict()["shape"] == {"name": "polygon", "corners": 5, "closed": True}
    assert FULL.to_dict()["more"][0] == {"name": "circle", "radius": 2.0}
    assert FULL.to_dict()["origin"] == {"x": 1.0, "y": -2.0}  # of no family: no name
    assert Circle().to_dict() == {"name": "circle", "radius": 1.0}


def test_what_is_left_out_takes_its_default() -> None:
    assert Drawing.from_dict({"title": "t"}) == Drawing("t")
    assert Shape.from_dict({"name": "polygon", "corners": 4}) == Polygon(4)


def test_a_name_alone_will_do() -> None:
    assert Shape.from_dict("circle") == Circle()
    assert Drawing.from_dict({"title": "t", "more": ["circle", {"name": "polygon", "corners": 3}]}).more == (
        Circle(),
        Polygon(3),
    )


def test_a_member_knows_its_own_name() -> None:
    assert Circle.from_dict({"radius": 2}) == Circle(2.0)
    assert Circle.from_dict({"name": "circle"}) == Circle()


def test_a_config_is_taken_as_it_is() -> None:
    circle = Circle(3.0)
    assert Shape.from_dict(circle) is circle
    assert Drawing.from_dict({"title": "t", "shape": circle}).shape is circle


def test_integers_do_for_floats_and_lists_for_tuples() -> None:
    got = Drawing.from_dict({"title": "t", "alpha": 1, "size": [2, 3]})
    assert (got.alpha, got.size) == (1.0, (2, 3.0))
    assert type(got.alpha) is type(got.size[1]) is float


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"titel": "t"}, r"titel: unknown field \(did you mean 'title'\?\)"),
        ({"name": "drawing"}, r"name: unknown field"),
        ({3: "t"}, r"3: unknown field"),
        ({"title": 3}, r"title: expected str, not 3"),
        ({"title": None}, r"title: expected str, not None"),
        ({"alpha": "much"}, r"alpha: expected float, not 'much'"),
        ({"alpha": True}, r"alpha: expected float, not True"),
        ({"limit": 2.5}, r"limit: expected int, not 2\.5"),
        ({"limit": False}, r"limit: expected int, not False"),
        ({"colour": "rde"}, r"colour: unknown value 'rde' \(did you mean 'red'\?\)"),
        ({"colour": ["red"]}, r"colour: unknown value \['red'\]"),
        ({"size": [1]}, r"size: expected .*, not \[1\]"),
        ({"size": [1.5, 1.5]}, r"size\[0\]: expected int, not 1\.5"),
        ({"size": "12"}, r"size: expected .*, not '12'"),
        ({"origin": [0, 0]}, r"origin: expected a mapping, not \[0, 0\]"),
        ({"origin": "point"}, r"origin: expected a mapping, not 'point'"),
        ({"origin": {"z": 1}}, r"origin\.z: unknown field \(known: x, y\)"),
        ({"origin": {"x": -1}}, r"origin: x is -1\.0, and must not be negative"),
        ({"shape": "circl"}, r"shape: unknown shape 'circl' \(did you mean 'circle'\?\)"),
        ({"shape": {"radius": 1}}, r"shape: 'name' is missing \(known: circle, polygon\)"),
        ({"shape": {"name": 3}}, r"shape: 'name' is missing"),
        ({"shape": None}, r"shape: expected a mapping, not None"),
        ({"shape": "polygon"}, r"shape\.corners: is missing"),
        ({"shape": {"name": "polygon", "corners": True}}, r"shape\.corners: expected int, not True"),
        ({"shape": {"name": "polygon", "corners": 3, "closed": 1}}, r"shape\.closed: expected bool, not 1"),
        ({"more": "circle"}, r"more: expected .*, not 'circle'"),
        ({"more": ["circle", {"name": "circle", "radius": []}]}, r"more\[1\]\.radius: expected float, not \[\]"),
        ({"more": ["circle", "ring"]}, r"more\[1\]: unknown shape 'ring' \(known: circle, polygon\)"),
    ],
)
def test_the_schema_is_closed_and_says_where(changes: dict[Any, Any], message: str) -> None:
    data = {"title": "t"} | changes
    with pytest.raises(UserError, match=f"^{message}"):
        Drawing.from_dict(data)
    with pytest.raises(UserError, match=rf"^a\.b\.{message}"):
        Drawing.from_dict(data, "a.b")


def test_a_missing_field_is_named() -> None:
    with pytest.raises(UserError, match=r"^title: is missing$"):
        Drawing.from_dict({})
    with pytest.raises(UserError, match=r"^a\.title: is missing$"):
        Drawing.from_dict({}, "a")
    with pytest.raises(UserError, match=r"^Drawing: expected a mapping, not None$"):
        Drawing.from_dict(None)


def test_messages_do_not_repeat_long_values() -> None:
    with pytest.raises(UserError) as caught:
        Drawing.from_dict({"title": ["x" * 1000]})
    assert len(str(caught.value)) < 120


def test_a_name_is_looked_up_and_never_imported() -> None:
    for name in ("os.system", "rnnzoo.cells.lstm.LSTMConfig", "../lstm", "base", "_kernel", ""):
        with pytest.raises(UserError, match=r"unknown cell"):
            CellConfig.from_dict({"name": name})


def test_a_family_looks_only_among_its_own() -> None:
    assert Shape.names() == ("circle", "polygon")
    with pytest.raises(UserError, match="unknown shape 'lstm'"):
        Shape.from_dict("lstm")
    with pytest.raises(UserError, match="unknown cell 'circle'"):
        CellConfig.from_dict("circle")
    assert TokenizerConfig.find("char") is CharTokenizerConfig


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="two shapes are called 'circle'"):

        @dataclass(frozen=True)
        class Other(Shape, name="circle"):
            pass

    assert Shape.find("circle") is Circle


def test_the_same_class_may_be_defined_again() -> None:
    """As when a file is reloaded in a notebook."""
    for _ in range(2):

        @dataclass(frozen=True)
        class Again(Shape, name="again"):
            pass

    try:
        assert Shape.find("again") is Again
    finally:
        del Shape._members["again"]


def test_configs_are_frozen_hashable_and_compare_by_value() -> None:
    with pytest.raises(FrozenInstanceError):
        Circle().radius = 2.0  # type: ignore[misc]
    assert len({Circle(), Circle(1.0), Circle(2.0)}) == 2
    assert Circle().replace(radius=2.0) == Circle(2.0)
    with pytest.raises(TypeError):
        Circle().replace(diameter=2.0)


def test_another_class_is_another_config() -> None:
    assert StackConfig() != BidirectionalStackConfig()
    assert BidirectionalStackConfig.from_dict(StackConfig().to_dict()) == BidirectionalStackConfig()


def test_a_whole_models_config_round_trips() -> None:
    config = LanguageModelConfig(
        backbone=StackConfig(cells=(CellConfig.from_dict("gru"), CellConfig.from_dict("rnn")), hidden_size=8), tied=True
    )
    assert LanguageModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    message = r"^model\.backbone\.cells\[1\]\.nonlinearity: unknown value 'tan' \(did you mean 'tanh'\?\)$"
    data = config.to_dict()
    data["backbone"]["cells"][1]["nonlinearity"] = "tan"
    with pytest.raises(UserError, match=message):
        LanguageModelConfig.from_dict(data, "model")
