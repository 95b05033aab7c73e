"""The served OpenAPI, made of the fields that requests are held to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rnnzoo.serve.fields import Field
from rnnzoo.version import __version__

__all__ = ["described"]

_TYPES: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array"}


def described(fields: Mapping[str, Mapping[str, Field]]) -> dict[str, Any]:
    """OpenAPI 3.1 of these paths, each a POST."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "rnnzoo serve", "version": __version__},
        "paths": {path: {"post": _operation(path, some)} for path, some in fields.items()},
    }


def _operation(path: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"anyOf": [*_any(field), {"type": "null"}]} for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.default is ...],
    }
    answers = {str(status): {"description": text} for status, text in _ANSWERS.items()}
    operation: dict[str, Any] = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": answers,
    }
    if "{id}" in path:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation


_ANSWERS = {
    200: "the answer",
    201: "made",
    400: "the request is wrong, in one line",
    404: "no such model or session",
    408: "took too long",
    409: "the session is busy",
    413: "the body is too large",
    429: "too many requests at once",
}


_LENGTHS: dict[type, tuple[str, str]] = {str: ("minLength", "maxLength"), list: ("minItems", "maxItems")}


def _any(field: Field) -> list[dict[str, Any]]:
    found = []
    for kind in field.kinds:
        one: dict[str, Any] = {"type": _TYPES[kind]}
        words = _LENGTHS.get(kind, ("minimum", "maximum"))
        for word, value in zip(words, (field.low, field.high), strict=True):
            if math.isfinite(value) and kind is not bool:
                one[word] = int(value) if float(value).is_integer() else value
        if kind is list:
            one["items"] = {"type": "string"}
        found.append(one)
    return found
