"""Number words, against what grammars print and against each other."""

from __future__ import annotations

import pytest

from rnnzoo.data.cleaning import Pairs
from rnnzoo.data.numbers import LIMIT, english, french, number_pairs
from rnnzoo.data.pairs import digest

WRITTEN = {
    0: ("zero", "zéro"),
    1: ("one", "un"),
    16: ("sixteen", "seize"),
    17: ("seventeen", "dix-sept"),
    20: ("twenty", "vingt"),
    21: ("twenty-one", "vingt et un"),
    22: ("twenty-two", "vingt-deux"),
    60: ("sixty", "soixante"),
    61: ("sixty-one", "soixante et un"),
    70: ("seventy", "soixante-dix"),
    71: ("seventy-one", "soixante et onze"),
    77: ("seventy-seven", "soixante-dix-sept"),
    80: ("eighty", "quatre-vingts"),
    81: ("eighty-one", "quatre-vingt-un"),
    90: ("ninety", "quatre-vingt-dix"),
    91: ("ninety-one", "quatre-vingt-onze"),
    99: ("ninety-nine", "quatre-vingt-dix-neuf"),
    100: ("one hundred", "cent"),
    101: ("one hundred one", "cent un"),
    180: ("one hundred eighty", "cent quatre-vingts"),
    200: ("two hundred", "deux cents"),
    201: ("two hundred one", "deux cent un"),
    1000: ("one thousand", "mille"),
    1001: ("one thousand one", "mille un"),
    1100: ("one thousand one hundred", "mille cent"),
    1980: ("one thousand nine hundred eighty", "mille neuf cent quatre-vingts"),
    2000: ("two thousand", "deux mille"),
    21_000: ("twenty-one thousand", "vingt et un mille"),
    80_000: ("eighty thousand", "quatre-vingt mille"),
    80_200: ("eighty thousand two hundred", "quatre-vingt mille deux cents"),
    100_000: ("one hundred thousand", "cent mille"),
    200_000: ("two hundred thousand", "deux cent mille"),
    280_080: ("two hundred eighty thousand eighty", "deux cent quatre-vingt mille quatre-vingts"),
    999_999: (
        "nine hundred ninety-nine thousand nine hundred ninety-nine",
        "neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf",
    ),
}


def test_as_they_are_written() -> None:
    assert {number: (english(number), french(number)) for number in WRITTEN} == WRITTEN
    for number in (-1, LIMIT):
        for words in (english, french):
            with pytest.raises(ValueError, match="not from 0 to 999,999"):
                words(number)


def value(text: str) -> int:
    """The number that French words say, read by their meaning alone: the words add up, and cent and mille multiply."""
    small = {french(n): n for n in range(17)} | {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50}
    small |= {"soixante": 60, "quatrevingt": 80, "quatrevingts": 80, "et": 0}
    thousands = rest = 0
    for word in text.replace("quatre-vingt", "quatrevingt").replace("-", " ").split():
        if word == "mille":
            thousands, rest = max(rest, 1), 0
        elif word in ("cent", "cents"):
            rest = max(rest, 1) * 100
        else:
            rest += small[word]
    return thousands * 1000 + rest


def test_french_says_the_number() -> None:
    numbers = [*range(1100), *range(79_990, 81_000), *range(0, LIMIT, 1997)]
    assert [value(french(number)) for number in numbers] == numbers
    for number in numbers:
        words = french(number).split()
        assert "milles" not in words
        assert "un mille" not in french(number) or number // 1000 > 1  # vingt et un mille, but never un mille
        # an s ends the number, and nothing but a number that multiplies
        assert all(not word.endswith(("cents", "vingts")) for word in words[:-1])
    assert len({english(number) for number in range(3000)}) == 3000


@pytest.fixture(scope="module")
def parts() -> dict[str, Pairs]:
    return number_pairs()


def test_the_parts(parts: dict[str, Pairs]) -> None:
    assert [len(parts[role][0]) for role in ("train", "valid", "test")] == [26_114, 1000, 1000]
    sources = [source for part in parts.values() for source in part[0]]
    assert len(set(sources)) == len(sources)  # what is tested on was never seen
    assert set(map(english, range(100))) <= set(parts["train"][0])
    for side in (0, 1):
        known = {word for sentence in parts["train"][side] for word in sentence.split()}
        assert {word for role in ("valid", "test") for text in parts[role][side] for word in text.split()} <= known
    assert [english(value(target)) for target in parts["test"][1]] == parts["test"][0]


def test_the_same_everywhere(parts: dict[str, Pairs]) -> None:
    """The digest is the one that models of these numbers record."""
    assert digest(parts) == "196b802c440fa5664ff6d0adbb7df946d7ddfba8d60eb857bf2c3d59e13f8782"
