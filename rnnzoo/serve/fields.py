"""What a client may send: every field with its type and range, everything else refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["BadRequest", "Field", "parse"]


class BadRequest(Exception):
    """A request that cannot be answered.

    Args:
        message: one line for the client. status: of the response.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Field(NamedTuple):
    """A field of a body.

    Attributes:
        kinds: types that it may have. default: what is taken where it is left out; ... where it must not be.
        low, high: of a number, or of the length of a text or list.
    """

    kinds: tuple[type, ...]
    default: Any = ...
    low: float = -math.inf
    high: float = math.inf


def parse(body: bytes, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The fields of a JSON object.

    Raises:
        BadRequest: it is not one, or a field is unknown, missing, of another type, or out of range.
    """
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not a JSON object") from None
    if not isinstance(data, dict):
        raise BadRequest("the body is not a JSON object")
    if unknown := sorted(set(data) - set(fields)):
        raise BadRequest(f"unknown field {unknown[0]!r:.60}")
    found = {}
    for name, field in fields.items():
        value = data.get(name)
        if value is None:  # as clients send fields that nobody set
            if field.default is ...:
                raise BadRequest(f"{name} is missing")
            found[name] = field.default
            continue
        found[name] = _checked(name, value, field)
    return found


def _checked(name: str, value: Any, field: Field) -> Any:
    if float in field.kinds and type(value) is int and abs(value) < 2**53:
        value = float(value)
    if type(value) not in field.kinds:
        raise BadRequest(f"{name} has to be {' or '.join(kind.__name__ for kind in field.kinds)}")
    if isinstance(value, list) and not all(type(one) is str for one in value):
        raise BadRequest(f"{name} has to be a list of texts")
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text):
            raise BadRequest(f"{name} has half a surrogate pair in it")
    size = len(value) if isinstance(value, str | list) else value
    if not isinstance(value, bool) and not field.low <= size <= field.high:
        what = "the length of " if isinstance(value, str | list) else ""
        raise BadRequest(f"{what}{name} has to be from {field.low:g} to {field.high:g}")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
