"""A recipe: all that a training run needs to know, as one closed, typed config.

    file -> overlays -> command line -> Recipe -> .build -> modules

The same `Config.from_dict` reads a recipe and a downloaded ``config.json``. Only the section `trainer` is
`lightning.Trainer`'s own and is read by jsonargparse, see `rnnzoo.tasks.trainer`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Self

import yaml

from rnnzoo.cells._offers import installed_allowed
from rnnzoo.config import Config
from rnnzoo.errors import UserError, nearest
from rnnzoo.task_folders import task_parts
from rnnzoo.tasks.hardware import ScaleConfig
from rnnzoo.training.finite import OnNonFinite
from rnnzoo.training.optim import ScheduleConfig
from rnnzoo.zoo import read_recipe
from rnnzoo.zoo.recipes import merged

__all__ = [
    "Recipe",
    "override",
    "plain",
    "read",
]

SOURCES = ("data.corpus", "data.files", "data.tsv", "data.hub", "data.shards")


class Recipe(Config, family="task"):
    """What every task's recipe has; the forms are told apart by the key ``task``.

    A form is found in its task's folder.

    Attributes:
        short_forms: everyday settings, and the fields that they stand for.
    """

    short_forms: ClassVar[Mapping[str, tuple[str, ...]]]

    # What `rnnzoo.tasks.train` asks of every recipe.
    data: Any
    schedule: ScheduleConfig
    trainer: dict[str, Any]
    seed: int
    checkpoint_every: int
    on_nonfinite: OnNonFinite

    @classmethod
    def find(cls, name: str, where: str = "") -> type[Self]:
        """The form of the task `name`.

        Raises:
            UserError: there is no such task; the nearest name is suggested.
        """
        task_parts("recipe")
        return super().find(name, where)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All tasks."""
        task_parts("recipe")
        return super().names()

    @classmethod
    def short(cls, task: Any) -> Mapping[str, tuple[str, ...]]:
        """The short forms of a task's recipe; none where there is no such task."""
        return {**cls.find(task).short_forms, "logger": ("trainer.logger",)} if task in cls.names() else {}

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Recipe:
        """The recipe in a file's mapping.

        Raises:
            UserError: unknown task, section or field, or a value of another type; the nearest name is suggested.
        """
        values = dict(data)
        if "name" in values:  # a family's key elsewhere; a recipe's name is that of its file
            raise UserError(f"name: unknown field{nearest('name', cls.sections(values.get('task')))}")
        if "task" not in values:
            raise _no_task()
        with installed_allowed():  # a recipe is the user's own word: it may name the cells of installed packages
            return cls.from_dict({"name": values.pop("task"), **values})

    @classmethod
    def sections(cls, task: Any) -> set[str]:
        """What stands at the top of a recipe for `task`; of any recipe where there is no such task."""
        members = [cls.find(task)] if task in cls.names() else [cls.find(name) for name in cls.names()]
        return {"task"} | {f.name for member in members for f in fields(member)}

    def to_mapping(self) -> dict[str, Any]:
        """The inverse of `from_mapping`, every field spelt out."""
        values = self.to_dict()
        return {"task": values.pop("name"), **values}

    def to_yaml(self) -> str:
        """The same as YAML."""
        return yaml.dump(self.to_mapping(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML takes for text but `parse_yaml` for a number (``1e5``, ``0o17``), and odd line ends."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Text, quoted where it begins as a number does or has more than printable characters."""
        style = '"' if data.startswith(tuple("+-.0123456789")) or not data.isprintable() else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def _no_task() -> UserError:
    return UserError(f"task: is missing{nearest('', Recipe.names())}")


def read(recipe: str | os.PathLike[str], overlays: Sequence[str | Path] = ()) -> dict[str, Any]:
    """The mapping of a recipe with hardware overlays merged over it.

    Args:
        recipe: a packaged name or a path. overlays: more files of the same form, which may have a section `scale`
            (`rnnzoo.tasks.hardware.ScaleConfig`).

    Raises:
        UserError: a file is missing or is no recipe.
    """
    data = read_recipe(recipe)
    for overlay in overlays:
        above = read_recipe(overlay)
        scale = ScaleConfig.from_dict(above.pop("scale", None) or {}, "scale")
        data = merged(data, above)
        if scale.batch > 1:
            data = override(data, scale.settings(Recipe.from_mapping(data).to_mapping()))
    return data


def override(data: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's mapping with some fields changed.

    Args:
        data: the mapping.
        settings: dotted names (``"model.backbone.num_layers"``) or short forms (``"num_layers"``) to values.

    Raises:
        UserError: a name without a dot that is neither a short form nor a section; or no task is named.
    """
    if settings and "task" not in {*data, *settings}:
        raise _no_task()
    result = copy.deepcopy(dict(data))
    known, short = Recipe.sections(data.get("task")), Recipe.short(data.get("task"))
    for name, value in settings.items():
        for dotted in short.get(name, (name,)):
            if dotted.split(".")[0] not in known:
                raise UserError(f"--{name}: unknown option{nearest(name, known | set(short))}")
            _set(result, name, dotted, plain(value))
    return result


def _set(recipe: dict[str, Any], name: str, dotted: str, value: Any) -> None:
    """Changes one field, called `name` by whoever changes it."""
    if dotted in SOURCES:  # a text given instead of the recipe's own
        section = recipe["data"] = dict(recipe.get("data") or {})
        for other in (*SOURCES, "data.split"):  # how it is cut is the corpus's own matter
            section.pop(other.removeprefix("data."), None)
        if dotted == "data.files" and isinstance(value, str):
            value = [value]
    place, (key, *rest) = recipe, dotted.split(".")
    for part in rest:
        inner = place.get(key) or {}  # a section may be there without anything in it
        if isinstance(inner, str):  # a family's short spelling, `cell: gru`
            inner = {"name": inner}
        if not isinstance(inner, Mapping):
            raise UserError(f"--{name}: {key} has no fields")
        place[key] = dict(inner)
        place, key = place[key], part
    place[key] = value


def plain(value: Any) -> Any:
    """`value` with paths as text, so that it can stand in a file."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
