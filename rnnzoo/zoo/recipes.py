"""Finding and reading recipes: YAML files, which hold data and never code."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rnnzoo.errors import UserError, nearest
from rnnzoo.zoo.paths import packaged

__all__ = [
    "find_recipe",
    "overlay_names",
    "parse_words",
    "parse_yaml",
    "read_recipe",
    "recipe_names",
    "split_words",
]


class _Loader(yaml.SafeLoader):
    """Plain values only, as YAML 1.2 has them: ``3e-3`` is a number; ``no``, ``12:30`` and ``2024-01-31`` are text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuses a key that stands there twice: all but the last would be lost without a word."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} appears twice", key.start_mark)
            if isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def recipe_names() -> dict[str, Path]:
    """The packaged recipes: name to file, sorted; hardware overlays are none."""
    root = packaged("recipes")
    files = [] if root is None else [path for path in root.glob("*/*.yaml") if path.parent.name != "hardware"]
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def overlay_names() -> dict[str, Path]:
    """The packaged hardware overlays, to be laid over any recipe: ``hardware/1gpu`` and so on to their files."""
    root = packaged("recipes")
    files = [] if root is None else root.glob("hardware/*.yaml")
    return {f"hardware/{path.stem}": path for path in sorted(files)}


def find_recipe(recipe: str | os.PathLike[str]) -> Path:
    """The file of a recipe: a packaged name, or a path (it has a separator or ends in .yaml).

    A packaged overlay has a name, too, ``hardware/1gpu``.

    Raises:
        UserError: there is none; the nearest name is suggested.
    """
    text = os.fspath(recipe)
    if text.startswith("hardware/") and not Path(text).is_file():
        overlays = overlay_names()
        if text not in overlays:
            raise UserError(f"unknown overlay {text!r}{nearest(text, overlays)}")
        return overlays[text]
    if os.sep in text or "/" in text or text.endswith((".yaml", ".yml")):
        path = Path(text)
        if not path.is_file():
            raise UserError("no such recipe file", path=path)
        return path
    names = recipe_names()
    if text not in names:
        raise UserError(f"unknown recipe {text!r}{nearest(text, names)}; `rnnzoo recipes ls` lists them")
    return names[text]


def read_recipe(path: Path) -> dict[str, Any]:
    """The mapping in a recipe file.

    Raises:
        UserError: not UTF-8, not YAML (with the line), or no mapping.
    """
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise UserError("is not UTF-8", path=path, position=f"byte {error.start}") from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path=path) from None
    if not isinstance(data, dict):
        raise UserError("a recipe is a mapping of sections: task, data, model, ...", path=path)
    return data


def parse_yaml(text: str, path: Path | None = None) -> Any:
    """Plain values from YAML.

    Raises:
        UserError: it is not YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader: plain values only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise UserError(str(problem), path=path, position=f"line {mark.line + 1}" if mark else None) from None


_FILES = ("text", "files", "valid_files", "test_files")  # lists, even of one
_NAMES = (*_FILES, "tsv")  # names of files, whatever they look like


def parse_words(name: str, words: Sequence[str]) -> Any:
    """The value of a field from the words behind its name on a command line.

    Args:
        name: the field's, dotted or short. words: at least one.

    Raises:
        UserError: a word is not YAML.
    """
    short = name.removeprefix("data.")
    parsed = [word if short in _NAMES or not word else parse_yaml(word) for word in words]
    return parsed if short in _FILES or len(parsed) > 1 else parsed[0]


def split_words(name: str, words: Sequence[str]) -> list[list[str]]:
    """The values that a field is given to choose from: ``["1,2"]`` are ``[["1"], ["2"]]``, each as the words of one.

    Only a single word is split, at the commas between YAML's values: ``[1,2]`` and ``"a, b"`` are one value each. Names
    of files are not split. What stands there twice counts once.

    Args:
        name: the field's, dotted or short. words: at least one.

    Raises:
        UserError: what stands between the commas is not YAML.
    """
    if name.removeprefix("data.") in _NAMES or len(words) != 1 or "," not in words[0]:
        return [list(words)]
    try:
        row = yaml.compose(f"[{words[0]}]", Loader=_Loader)
    except yaml.YAMLError:
        raise UserError(f"--{name}: {words[0]!r} are no values with commas between them") from None
    found: dict[str, list[str]] = {}
    for item in row.value if isinstance(row, yaml.SequenceNode) else ():
        text = words[0][item.start_mark.index - 1 : item.end_mark.index - 1].strip()
        found.setdefault(repr(parse_words(name, [text])), [text])
    return list(found.values())
