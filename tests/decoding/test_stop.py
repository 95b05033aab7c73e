from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.decoding import StopScanner, stop_strings
from rnnzoo.errors import UserError


def scan(pieces: list[str], *stop: str) -> tuple[str, bool]:
    scanner = StopScanner(stop)
    text = "".join(scanner.feed(piece) for piece in pieces)
    return text + scanner.flush(), scanner.stopped


@pytest.mark.parametrize(
    ("pieces", "stop", "expected"),
    [
        (["one two END three"], "END", ("one two ", True)),
        (["one E", "N", "D three"], "END", ("one ", True)),
        (["one E", "N", "E", "N", "D"], "END", ("one EN", True)),
        (["one EN"], "END", ("one EN", False)),
        (["aa", "ab"], "aab", ("a", True)),
        (["abab", "abc"], "ababc", ("ab", True)),
        (["END"], "END", ("", True)),
    ],
)
def test_text_ends_before_the_stop_string(pieces, stop, expected):
    assert scan(pieces, stop) == expected


def test_a_beginning_is_held_back_until_it_is_decided():
    scanner = StopScanner(["\n\n"])
    assert [scanner.feed(c) for c in "a\nb\n"] == ["a", "", "\nb", ""]
    assert scanner.flush() == "\n"
    assert scanner.feed("\n\n") == ""
    assert scanner.stopped
    assert scanner.feed("more") == scanner.flush() == ""


def test_the_first_of_several():
    assert scan(["hello.", "world?"], "?", "world", "xyz") == ("hello.", True)


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3), st.randoms())
def test_pieces_do_not_matter(text, stop, random):
    pieces = []
    while sum(map(len, pieces)) < len(text):
        begin = sum(map(len, pieces))
        pieces.append(text[begin : begin + random.randint(1, 4)])
    characters, stopped = scan(list(text), *stop)
    assert stopped == any(s in text for s in stop)
    if len(stop) <= 1:  # with more, a long piece shows more of them at once
        assert scan(pieces, *stop) == (characters, stopped)
        assert characters == (text.split(stop[0])[0] if stop else text)


def test_stop_strings():
    assert stop_strings(None) == ()
    assert stop_strings("ab") == ("ab",)
    assert stop_strings(["a", "b"]) == ("a", "b")
    with pytest.raises(UserError, match="empty"):
        stop_strings(["a", ""])
