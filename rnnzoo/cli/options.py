"""Options of the command line: numbers with a range, and complaints in one line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeVar, get_args

from rnnzoo import ranges
from rnnzoo.errors import UserError
from rnnzoo.ranges import OutOfRange, Range

__all__ = ["Parser", "fraction", "seed", "whole"]


N = TypeVar("N", int, float)


class Parser(argparse.ArgumentParser):
    """Argparse, whose complaints are one line instead of a usage of many."""

    def error(self, message: str) -> NoReturn:
        """Raises `UserError`."""
        raise UserError(f"{message} (`{self.prog} --help` says more)")


def whole(limits: str) -> Callable[[str], int]:
    """The type of an option that takes a whole number of a range, such as ``whole("1 <= x <= 1e6")``."""
    return _type(int, Range(limits))


def fraction(limits: str) -> Callable[[str], float]:
    """The type of an option that takes any number of a range."""
    return _type(float, Range(limits))


def _type(kind: type[N], limits: Range) -> Callable[[str], N]:
    def parse(word: str) -> N:
        try:
            value = kind(word)
        except ValueError:
            noun = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{word[:40]!r} is no {noun}") from None
        try:
            limits.check("N", value)
        except OutOfRange as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix("N: ")) from None
        return value

    return parse


seed = _type(int, get_args(ranges.Seed)[1])
"""The type of ``--seed``."""
