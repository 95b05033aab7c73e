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


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert str(UserError("a\0b \x1b[31mred\udcff", path="ü.txt")) == r"ü.txt: a\x00b \x1b[31mred\udcff"


def test_nothing_is_longer_than_it_can_be_read() -> None:
    assert str(UserError("no such file", path="x" * 5000)) == f"{'x' * 150}...{'x' * 149}: no such file"
    known = [f"name-{number}" for number in range(500)]
    assert len(nearest("other", known)) < 650
    assert nearest("other", known).endswith(" more)")
    assert nearest("", ["b", "a"]) == " (known: a, b)"
