"""Finding and reading recipes: YAML files, which hold data and never code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rnnzoo.errors import UserError, nearest
from rnnzoo.files import read_utf8
from rnnzoo.zoo.paths import packaged
from rnnzoo.zoo.yaml_text import Loader, parse_yaml

__all__ = [
    "find_recipe",
    "merged",
    "overlay_names",
    "parse_words",
    "parse_yaml",
    "read_recipe",
    "recipe_name",
    "recipe_names",
    "recipe_text",
    "split_words",
]


def recipe_names() -> dict[str, Path]:
    """The packaged recipes: name to file, sorted; hardware overlays are none.

    A file with `variants` holds one recipe for each: ``char-lstm.books`` those of ``char-lstm.kalevala`` and so on.
    """
    root = packaged("recipes")
    files = [] if root is None else [path for path in root.glob("*/*.yaml") if path.parent.name != "hardware"]
    names = {name: path for path in files for name in _names_in(path)}
    return dict(sorted(names.items()))


def recipe_name(recipe: str | os.PathLike[str]) -> str:
    """What the runs and the entry of a recipe are called: its packaged name, or its file's without ending.

    Raises:
        UserError: as `find_recipe`.
    """
    text = os.fspath(recipe)
    return text if text in recipe_names() else find_recipe(recipe).stem


def recipe_text(recipe: str | os.PathLike[str]) -> str:
    """A recipe as a file of its own would have it; a variant is written out beneath its file's comment.

    Raises:
        UserError: as `find_recipe` and `read_recipe`.
    """
    path = find_recipe(recipe)
    text = read_utf8(path)
    if os.fspath(recipe) == path.stem or os.fspath(recipe) not in recipe_names():
        return text
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    return comment + yaml.safe_dump(read_recipe(recipe), sort_keys=False, allow_unicode=True)


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


def read_recipe(recipe: str | os.PathLike[str]) -> dict[str, Any]:
    """The mapping of a recipe; that of a variant is what its file says of all, and over it what is its own.

    Args:
        recipe: a name or a path, as for `find_recipe`.

    Raises:
        UserError: not UTF-8, not YAML (with the line), no mapping, or a file with variants, of which none is named.
    """
    path = find_recipe(recipe)
    data = _mapping(path)
    if "variants" not in data:
        return data
    variants = _variants(data, path)
    architecture, _, tag = os.fspath(recipe).partition(".")
    if architecture != path.stem.partition(".")[0] or tag not in variants:
        names = ", ".join(f"{path.stem.partition('.')[0]}.{tag}" for tag in variants)
        raise UserError(f"holds several recipes; name one of them: {names}", path=path)
    del data["variants"]
    return merged(data, variants[tag])


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's mapping with another laid over it, section by section."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def _names_in(path: Path) -> list[str]:
    """The names of the recipes in a file: its own, or those of its variants."""
    if "\nvariants:" not in read_utf8(path):  # most files need not be parsed to be listed
        return [path.stem]
    architecture = path.stem.partition(".")[0]
    return [f"{architecture}.{tag}" for tag in _variants(_mapping(path), path)]


def _variants(data: Mapping[str, Any], path: Path) -> dict[str, Mapping[str, Any]]:
    variants = data["variants"]
    if not isinstance(variants, dict) or not all(isinstance(above, dict) for above in variants.values()):
        raise UserError("variants: is a mapping of tags to what is theirs: {TAG: {data: {corpus: ...}}}", path=path)
    return variants


def _mapping(path: Path) -> dict[str, Any]:
    data = parse_yaml(read_utf8(path), path)
    if not isinstance(data, dict):
        raise UserError("a recipe is a mapping of sections: task, data, model, ...", path=path)
    return data


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
        row = yaml.compose(f"[{words[0]}]", Loader=Loader)
    except (yaml.YAMLError, RecursionError):
        raise UserError(f"--{name}: {words[0][:60]!r} are no values with commas between them") from None
    found: dict[str, list[str]] = {}
    for item in row.value if isinstance(row, yaml.SequenceNode) else ():
        text = words[0][item.start_mark.index - 1 : item.end_mark.index - 1].strip()
        found.setdefault(repr(parse_words(name, [text])), [text])
    return list(found.values())
