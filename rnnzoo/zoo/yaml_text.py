"""Plain values from YAML, which anybody may have written: bounded, and every complaint with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from rnnzoo.errors import UserError
from rnnzoo.ranges import shown

__all__ = ["Loader", "parse_yaml"]

_MAX_BYTES = 1 << 20
_MAX_VALUES = 100_000  # of a whole file, with every alias written out


class Loader(yaml.SafeLoader):
    """Plain values only, as YAML 1.2 has them: ``3e-3`` is a number; ``no``, ``12:30`` and ``2024-01-31`` are text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuses a key that is no text, and one that stands there twice: all but the last would be lost."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a list or mapping cannot be a key", key.start_mark)
            if not key.tag.endswith(":str"):
                raise ConstructorError(None, None, f"the key {shown(key.value)} is no text: quote it", key.start_mark)
            if key.value in seen:
                raise ConstructorError(None, None, f"{shown(key.value)} appears twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int:
        """An integer; Python itself reads none of more than some thousand digits."""
        try:
            return int(self.construct_yaml_int(node))
        except ValueError:
            message = f"a whole number of {len(node.value):,} digits is too long"
            raise ConstructorError(None, None, message, node.start_mark) from None

    def get_single_data(self) -> Any:
        """The document, if it is not too large with its aliases written out."""
        node = self.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MAX_VALUES:
            raise ConstructorError(None, None, f"more than {_MAX_VALUES:,} values", node.start_mark)
        return self.construct_document(node)


Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_number)
Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def parse_yaml(text: str, path: Path | None = None) -> Any:
    """Plain values from YAML.

    Raises:
        UserError: it is not YAML, nested too deeply, or too large; with the file and the line.
    """
    if len(text) > _MAX_BYTES:
        raise UserError(f"{len(text):,} characters are too many", path=path)
    try:
        return yaml.load(text, Loader=Loader)  # a SafeLoader: plain values only
    except yaml.reader.ReaderError as error:
        line = f"line {text.count(chr(10), 0, error.position) + 1}"
        raise UserError(
            f"has the character #x{error.character:04x}, which YAML does not allow", path=path, position=line
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise UserError(str(problem), path=path, position=f"line {mark.line + 1}" if mark else None) from None
    except RecursionError:
        deepest = max(
            text.split("\n"), key=lambda line: (line.count("[") + line.count("{"), len(line) - len(line.lstrip()))
        )
        line = f"line {text.split(chr(10)).index(deepest) + 1}"
        raise UserError("is nested too deeply", path=path, position=line) from None
    except (ValueError, OverflowError) as error:  # a tag with something else behind it: `!!int x`
        raise UserError(f"has a value that is none: {str(error)[:100]}", path=path) from None


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for; one that stands in several places counts in each."""
    if id(node) in known:
        if known[id(node)] == 0:
            raise ConstructorError(None, None, "an alias stands in what it names", node.start_mark)
        return known[id(node)]
    known[id(node)] = 0  # under way
    below: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        below = node.value
    elif isinstance(node, yaml.MappingNode):
        below = [part for pair in node.value for part in pair]
    known[id(node)] = 1 + sum(_size(part, known) for part in below)
    return known[id(node)]
