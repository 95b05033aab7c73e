"""Frozen dataclasses that describe what to build, and their closed, typed JSON form.

A config is data: it comes from a recipe, from Python or from a downloaded ``config.json``, says
what to build, and builds it when its parent supplies the dimensions. The dictionary form is
*closed*: an unknown key, a missing one or a value of another type is an error, and a name is
looked up among the classes that registered themselves; it is never imported.

A number's range stands in its annotation (`rnnzoo.ranges`), and every value is held to it, from wherever it comes.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
import os
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, Union

from .errors import UserError, nearest
from .ranges import Range, shown

__all__ = ["Config"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of all configs.

    A *family* is an abstract config with several forms (all cells, all optimisers)::

        class CellConfig(Config, family="cell"): ...      # the root, not decorated

        @dataclass(frozen=True)
        class LSTMConfig(CellConfig, name="lstm"): ...     # one form, found under its name

    The dictionary of a family's member carries its name: ``{"name": "lstm", "forget_bias": 1.0}``;
    where nothing else is to be said, the name alone will do.
    """

    family: ClassVar[str | None] = None  # what one of the family is called in error messages
    name: ClassVar[str] = ""
    _members: ClassVar[dict[str, type[Config]]] = {}

    def __init_subclass__(cls, *, family: str | None = None, name: str | None = None) -> None:
        super().__init_subclass__()
        if family is not None:
            cls.family, cls._members = family, {}
        if name is not None:
            taken = cls._members.get(name)
            if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"two {cls.family}s are called {name!r}: {taken.__module__} and {cls.__module__}")
            cls.name = name
            cls._members[name] = cls
        if (own := cls.__dict__.get("__post_init__")) is not None:  # its checks may rely on the ranges

            @functools.wraps(own)
            def checked(self: Config) -> None:
                Config.__post_init__(self)
                own(self)

            cls.__post_init__ = checked  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        """Holds every number to its field's range, and makes NumPy's numbers Python's.

        Raises:
            OutOfRange: one is outside.
        """
        for name, hint in _hints(type(self)).items():  # type: ignore[arg-type]
            object.__setattr__(self, name, _held(getattr(self, name), hint, name))

    @classmethod
    def find(cls, name: str, where: str = "") -> type[Self]:
        """The member of this family called `name`.

        Raises:
            UserError: no member has that name; the nearest one is suggested.
        """
        if name not in cls._members:
            raise UserError(f"{where}: unknown {cls.family} {name!r}{nearest(name, cls.names())}".lstrip(": "))
        return typing.cast(type[Self], cls._members[name])

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all members of this family, sorted."""
        return tuple(sorted(cls._members))

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, `from_dict`'s inverse."""
        named = {"name": self.name} if self.name else {}
        return named | {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> Self:
        """Builds the config from its dictionary; fields that are left out take their defaults.

        Args:
            data: what `to_dict` gave, or a config (returned as it is), or a family member's name.
            where: the dotted place of `data` in the whole, for error messages.

        Raises:
            UserError: unknown or missing key, value of another type, unknown name.
        """
        if isinstance(data, cls):
            return data
        if isinstance(data, str) and cls.family is not None:
            data = {"name": data}
        if not isinstance(data, Mapping):
            raise UserError(f"{where or cls.__name__}: expected a mapping, not {shown(data)}")
        values = dict(data)
        if cls.family is not None:
            name = values.pop("name", cls.name or None)
            if not isinstance(name, str):
                raise UserError(f"{where or cls.family}: 'name' is missing{nearest('', cls.names())}")
            cls = cls.find(name, where)
        hints = _hints(cls)  # type: ignore[arg-type]
        for key in values:
            if key not in hints:
                raise UserError(f"{_at(where, key)}: unknown field{nearest(str(key), hints)}")
        for field in dataclasses.fields(cls):
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if required and field.name not in values:
                raise UserError(f"{_at(where, field.name)}: is missing")
        converted = {key: _convert(value, hints[key], _at(where, key)) for key, value in values.items()}
        try:
            return cls(**converted)
        except ValueError as error:  # a config's own check of its values
            raise UserError(f"{where or cls.__name__}: {error}") from None


def _at(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


@functools.cache
def _hints(cls: type[Config]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _parts(hint: Any) -> tuple[Any, Range | None]:
    """A number's type and range. Where none is stated, as in cells of the user's own, it has to be finite."""
    if typing.get_origin(hint) is Annotated:
        kind, *notes = typing.get_args(hint)
        return kind, next((note for note in notes if isinstance(note, Range)), _FINITE)
    return hint, _FINITE if hint in (int, float) else None


_FINITE = Range("-1e300 <= x <= 1e300")


def _held(value: Any, hint: Any, name: str) -> Any:
    """`value`, with NumPy's numbers made Python's, if it is within the range that `hint` states.

    Types are `_convert`'s business: whoever calls a config's class has a type checker.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, tuple):
        return tuple(_held(item, _item(args, i), f"{name}[{i}]") for i, item in enumerate(value))
    if not _is_number(value):
        return value
    for option in args if origin in (Union, types.UnionType) else (hint,):
        kind, limits = _parts(option)
        if limits is not None and (kind is float or isinstance(value, numbers.Integral)):
            limits.check(name, value)
            return kind(value)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _item(args: tuple[Any, ...], place: int) -> Any:
    """The type of a tuple's item, by the tuple's own arguments."""
    return args[0] if args[-1] is Ellipsis else args[min(place, len(args) - 1)]


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _convert(value: Any, hint: Any, where: str) -> Any:
    """`value`, a JSON value, as the type `hint`; the few kinds of hint that configs use."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        failed: UserError | None = None
        if value is None and type(None) in args:
            return None
        for option in (a for a in args if a is not type(None)):
            try:
                return _convert(value, option, where)
            except UserError as error:
                failed = failed or error
        assert failed is not None
        raise failed
    if origin is Literal:
        if any(type(value) is type(option) and value == option for option in args):
            return value
        raise UserError(f"{where}: unknown value {shown(value)}{nearest(shown(value), map(str, args))}")
    if isinstance(hint, type) and issubclass(hint, Config):
        return hint.from_dict(value, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) == len(value):
            return tuple(_convert(v, k, f"{where}[{i}]") for i, (v, k) in enumerate(zip(value, kinds, strict=True)))
    if origin is dict and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _convert(item, args[1], _at(where, key)) for key, item in value.items()}
    kind, limits = _parts(hint)
    if limits is not None and _is_number(value) and (kind is float or isinstance(value, numbers.Integral)):
        limits.check(where.rpartition(".")[2], value, where)
        return kind(value)
    if hint is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if hint in (str, bool) and type(value) is hint:
        return value
    raise UserError(f"{where}: expected {getattr(kind, '__name__', kind)}, not {shown(value)}")
