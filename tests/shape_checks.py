"""Shapes are checked wherever a test calls into the package: `install` before the package is imported.

jaxtyping's import hook wraps every function; here only those are wrapped whose signatures state a shape, since the
others would be bound and counted at each call, half of the tests' time, and nothing of them be checked. Other
annotations are mypy's business, which sees all of them; beartype does not take each (a `Self` outside a class that it
decorates itself).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jaxtyping
from beartype import beartype

F = TypeVar("F", bound=Callable[..., object])

_wrap = jaxtyping.jaxtyped


def shaped(function: Any) -> bool:
    """Whether a function, or a class's fields, state a shape."""
    hints = [str(hint) for hint in getattr(function, "__annotations__", {}).values()]
    return "Self" not in hints and any(kind in hint for hint in hints for kind in ("Float[", "Int[", "Bool["))


def check(function: F) -> F:
    """The checker of what jaxtyping wraps."""
    return beartype(function) if shaped(function) else function


def _jaxtyped(*given: Any, **options: Any) -> Any:
    if given or set(options) != {"typechecker"}:
        return _wrap(*given, **options)
    wrap = _wrap(**options)
    return lambda function: wrap(function) if shaped(function) else function


def install() -> Any:
    """Has the package's functions checked from now on; `uninstall` of what it returns ends it for further imports."""
    jaxtyping.jaxtyped = _jaxtyped
    return jaxtyping.install_import_hook(["rnnzoo"], "shape_checks.check")
