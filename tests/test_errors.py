"""The error that users see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnzoo.errors import UserError, nearest


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "is empty"),
        ({"path": "a/b.txt"}, "a/b.txt: is empty"),
        ({"path": Path("a/b.txt")}, str(Path("a/b.txt")) + ": is empty"),
        ({"position": "line 3"}, "line 3: is empty"),
        ({"path": "b.txt", "position": "byte 120"}, "b.txt, byte 120: is empty"),
    ],
)
def test_the_place_comes_first(arguments: dict[str, Any], text: str) -> None:
    assert str(UserError("is empty", **arguments)) == text


def test_it_is_always_one_line() -> None:
    assert str(UserError("one\n  two\r\n\tthree ", path="a\nb")) == "a b: one two three"


def test_it_is_an_exception_with_exit_code_2() -> None:
    assert issubclass(UserError, Exception)
    assert UserError("x").exit_code == 2


@pytest.mark.parametrize(
    ("name", "options", "hint"),
    [
        ("lsmt", ["lstm", "gru"], " (did you mean 'lstm'?)"),
        ("quux", ["lstm", "gru"], " (known: gru, lstm)"),
        ("", ["b", "a"], " (known: a, b)"),
        ("x", [], ""),
        ("x", (name for name in ()), ""),
    ],
)
def test_nearest(name: str, options: Any, hint: str) -> None:
    assert nearest(name, options) == hint
