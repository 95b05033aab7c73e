"""The checker that `conftest` puts around the package's functions: shapes where a signature states them.

Other annotations are mypy's business, which sees all of them; beartype does not take each (a `Self` outside a
class that it decorates itself).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from beartype import beartype

F = TypeVar("F", bound=Callable[..., object])


def check(function: F) -> F:
    hints = [str(hint) for hint in getattr(function, "__annotations__", {}).values()]
    shaped = any(kind in hint for hint in hints for kind in ("Float[", "Int[", "Bool["))
    return beartype(function) if shaped and "Self" not in hints else function
