"""The range of a number, stated once, where its field is declared: ``lr: Annotated[float, Range("0 < x")]``.

`rnnzoo.config` holds every value to it, from wherever it comes; command-line options (`rnnzoo.cli.options`) and the
section `trainer` (`rnnzoo.tasks.trainer_ranges`) are held to ranges of the same kind.
"""

from __future__ import annotations

import math
import numbers
import re
from typing import Annotated, Any

from .errors import UserError

__all__ = [
    "Beam",
    "Bias",
    "Count",
    "DropProbability",
    "Expansion",
    "LearningRate",
    "Length",
    "NonNegative",
    "Number",
    "OutOfRange",
    "Positive",
    "PositiveCount",
    "Range",
    "Seed",
    "Share",
    "Size",
    "SizeOrZero",
    "shown",
]

_FORM = re.compile(r"(?:(?P<low>[-+.\de]+) (?P<above><=?) )?x(?: (?P<below><=?) (?P<high>[-+.\de]+))?")


class OutOfRange(UserError, ValueError):
    """A number outside the range that its field states."""


class Range:
    """The numbers that a field may have; infinity and NaN are never among them.

    Args:
        text: as people write it, with ``x`` for the number: ``"0 < x"``, ``"0 <= x < 1"``, ``"x <= 3"``, ``"x"``.
        also: single numbers beside those, such as -1 for "all of them".
    """

    def __init__(self, text: str, *, also: tuple[int, ...] = ()) -> None:
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no range: write it as '0 <= x < 1'")
        self.text, self.also = text, also
        self.low, self.high = float(found["low"] or -math.inf), float(found["high"] or math.inf)
        self._open_low, self._open_high = found["above"] == "<", found["below"] == "<"

    def __contains__(self, value: Any) -> bool:
        if value in self.also:
            return True
        try:
            number = float(value)
        except OverflowError:  # an integer beyond floating point
            return False
        above = self.low < number if self._open_low else self.low <= number
        below = number < self.high if self._open_high else number <= self.high
        return math.isfinite(number) and above and below

    def said(self, name: str, *, whole: bool = False) -> str:
        """The range for people: ``"0 < lr, finite"``, ``"heads: 1 <= heads <= 4096"`` without the colon's part.

        Args:
            name: stands for the number. whole: only whole numbers, which are finite anyway.
        """
        text = self.text.replace("x", name)
        if "<" not in self.text:
            text = f"{name} is finite"
        elif not whole and math.inf in (self.high, -self.low):
            text += ", finite"
        return " or ".join([text, *map(str, self.also)])

    def check(self, name: str, value: Any, where: str = "") -> None:
        """Raises `OutOfRange` where `value` is outside.

        Args:
            name: the field's own, as it stands in the range. value: a number.
            where: the field's place in the whole, put in front; `name` when left out.
        """
        if value not in self:
            whole = isinstance(value, numbers.Integral)
            raise OutOfRange(f"{where or name}: {self.said(name, whole=whole)}; got {shown(value)}")

    def __repr__(self) -> str:
        return self.text


def shown(value: Any) -> str:
    """A value in an error message, as Python writes it, but not all 5,000 digits of it."""
    if isinstance(value, int) and value.bit_length() > 200:  # Python refuses to print some thousands of digits
        return f"a whole number of {math.ceil(value.bit_length() * math.log10(2)):,} digits"
    if isinstance(value, float):
        return f"{value:g}"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # such a number inside of it, or very deep
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


Number = Annotated[float, Range("x")]
Positive = Annotated[float, Range("0 < x <= 1e6")]
NonNegative = Annotated[float, Range("0 <= x <= 1e6")]
Share = Annotated[float, Range("0 <= x <= 1")]
DropProbability = Annotated[float, Range("0 <= x < 1")]
Bias = Annotated[float, Range("-1000 <= x <= 1000")]
LearningRate = Annotated[float, Range("0 < x <= 1e300")]
Expansion = Annotated[float, Range("0 <= x <= 1000")]
"""A width as a multiple of another; 0 for none."""
Beam = Annotated[int, Range("1 <= x <= 10000")]
Size = Annotated[int, Range("1 <= x <= 1e8")]
"""Features, rows, layers. Above it no tensor could be addressed; what fits the memory is looked at apart."""
SizeOrZero = Annotated[int, Range("0 <= x <= 1e8")]
PositiveCount = Annotated[int, Range("1 <= x <= 1e12")]
Count = Annotated[int, Range("0 <= x <= 1e12")]
Length = Annotated[int, Range("0 <= x <= 10000")]  # of a sentence, 0 for none; an untrained model goes on up to it
Seed = Annotated[int, Range("0 <= x <= 4294967295")]
"""What NumPy's and Lightning's generators take."""
