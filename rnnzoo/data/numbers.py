"""Number words in English and French, made by a program: pairs to learn from where there is no network.

French as the Académie counts, with hyphens below a hundred only: *vingt et un*, *soixante et onze*, *quatre-vingt-un*;
*vingt* and *cent* take an s where they end a number that multiplies them, not before *mille*, which never does:
*quatre-vingts*, *quatre-vingt mille*, *deux cents*, *deux cent un*.
"""

from __future__ import annotations

import random

from rnnzoo.data.cleaning import Pairs

__all__ = ["english", "french", "number_pairs"]

LIMIT = 1_000_000

_DRAWN = 34_000
_HELD_OUT = 1000  # numbers for validation, and as many for test
_SPOKEN = 100  # all numbers below are for training: nobody guesses what 17 is called

_words = str.split
_EN = _words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen")
_EN += _words("seventeen eighteen nineteen")
_EN_TENS = _words("- - twenty thirty forty fifty sixty seventy eighty ninety")
_FR = _words("zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize")
_FR += _words("dix-sept dix-huit dix-neuf")
_FR_TENS = _words("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")


def english(number: int) -> str:
    """``101_021`` as "one hundred one thousand twenty-one".

    Raises:
        ValueError: it is not from 0 to 999,999.
    """
    _check(number)
    thousands, rest = divmod(number, 1000)
    words = [_english(thousands), "thousand"] if thousands else []
    return " ".join([*words, _english(rest)] if rest or not number else words)


def french(number: int) -> str:
    """``80_200`` as "quatre-vingt mille deux cents".

    Raises:
        ValueError: it is not from 0 to 999,999.
    """
    _check(number)
    thousands, rest = divmod(number, 1000)
    words = [_french(thousands, last=False)] if thousands > 1 else []  # never "un mille"
    words += ["mille"] if thousands else []
    return " ".join([*words, _french(rest)] if rest or not number else words)


def number_pairs() -> dict[str, Pairs]:
    """English and French in three parts: 1,000 numbers for validation, 1,000 for test, the others for training.

    All below 1,000 are there, and of larger ones some that a fixed seed draws, as many below 10,000 as below 100,000
    and below 1,000,000. No number is in two parts, and those below 100 are for training.
    """
    draw = random.Random(0)  # its `random()` is the same on every machine and in every version of Python
    larger = (int(draw.random() * 10 ** (4 + place % 3)) for place in range(_DRAWN))
    numbers = list(dict.fromkeys([*range(1000), *larger]))
    numbers = [*range(_SPOKEN), *sorted(numbers[_SPOKEN:], key=lambda _: draw.random())]
    cuts = {"train": numbers[: -2 * _HELD_OUT], "valid": numbers[-2 * _HELD_OUT : -_HELD_OUT]}
    cuts["test"] = numbers[-_HELD_OUT:]
    return {role: ([english(n) for n in part], [french(n) for n in part]) for role, part in cuts.items()}


def _english(number: int) -> str:
    """Below a thousand."""
    hundreds, rest = divmod(number, 100)
    words = [_EN[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        ten, one = divmod(rest, 10)
        words.append(f"{_EN_TENS[ten]}-{_EN[one]}" if one else _EN_TENS[ten])
    elif rest or not hundreds:
        words.append(_EN[rest])
    return " ".join(words)


def _french(number: int, *, last: bool = True) -> str:
    """Below a thousand; `last`: nothing comes after it, so that *cent* and *vingt* may have their s."""
    hundreds, rest = divmod(number, 100)
    plural = "s" if last and hundreds > 1 and not rest else ""
    words = [*([_FR[hundreds]] if hundreds > 1 else []), *([f"cent{plural}"] if hundreds else [])]
    if rest or not hundreds:
        words.append(_french_below_100(rest, last))
    return " ".join(words)


def _french_below_100(number: int, last: bool) -> str:
    if number < 20:
        return _FR[number]
    ten, one = divmod(number, 10)
    if ten in (7, 9):  # counted on from sixty and from eighty
        one += 10
    if number == 80:
        return "quatre-vingts" if last else "quatre-vingt"
    if not one:
        return _FR_TENS[ten]
    if one in (1, 11) and ten < 8:
        return f"{_FR_TENS[ten]} et {_FR[one]}"
    return f"{_FR_TENS[ten]}-{_FR[one]}"


def _check(number: int) -> None:
    if not 0 <= number < LIMIT:
        raise ValueError(f"{number} is not from 0 to {LIMIT - 1:,}")
