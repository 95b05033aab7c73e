"""Numbers that a translation has lost."""

from __future__ import annotations

import pytest

from rnnzoo.text.lost_numbers import lost_numbers


@pytest.mark.parametrize(
    ("source", "translation", "lost"),
    [
        ("At 7:45 on March 23rd, 1,250 people", "À 7 h 45, le 23 mars, 1 250 personnes", []),
        ("1,250 people", "1.250 Personen", []),
        ("1,250 people", "1\u202f250 personnes", []),
        ("1,250 people", "140 personnes", ["1250"]),
        ("Room 7, floor 7", "Zimmer 7", ["7"]),
        ("12,345,678", "12345678", []),
        ("3,14", "3.14", []),
        ("in 1999 and 2001", "en 2001", ["1999"]),
        ("no number", "7", []),
        ("seven", "sept", []),
        ("7 cats", "sept chats", ["7"]),
        ("", "", []),
    ],
)
def test_lost_numbers(source: str, translation: str, lost: list[str]) -> None:
    assert lost_numbers(source, translation) == lost
