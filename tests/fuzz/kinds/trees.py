"""Changes of nested values: any leaf or branch becomes something else, goes, comes twice, or has a neighbour."""

from __future__ import annotations

import copy
import random
from typing import Any

from fuzz.blobs import odd_value

__all__ = ["leaves", "set_at", "twisted"]

Path = tuple[Any, ...]


def leaves(tree: Any, path: Path = (), branches: bool = True) -> list[Path]:
    """The places in a tree of mappings and lists."""
    found = [path] if path and (branches or not isinstance(tree, (dict, list))) else []
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        found += leaves(value, (*path, key), branches)
    return found


def get_at(tree: Any, path: Path) -> Any:
    """What is there."""
    for key in path:
        tree = tree[key]
    return tree


def set_at(tree: Any, path: Path, value: Any) -> None:
    """Puts something there."""
    get_at(tree, path[:-1])[path[-1]] = value


def twisted(tree: Any, draw: random.Random) -> tuple[str, Any]:
    """A copy with one thing changed; what, and the copy."""
    if draw.random() < 0.04 or not leaves(tree):
        value = odd_value(draw)
        return f"all is {value!r:.40}", value
    new, path = copy.deepcopy(tree), draw.choice(leaves(tree))
    where, parent, key = ".".join(map(str, path)), get_at(new, path[:-1]), path[-1]
    how = draw.choice(["value", "value", "value", "value", "gone", "renamed", "neighbour", "wrapped", "near"])
    old = parent[key]
    if how == "gone":
        del parent[key]
    elif how == "renamed" and isinstance(parent, dict):
        parent[draw.choice([f"{key}x", str(key).upper(), "", "name", "a\0b"])] = parent.pop(key)
    elif how == "neighbour" and isinstance(parent, dict):
        parent[draw.choice(["unknown", "name", "class_path", "__class__", "_target_", "schema", ""])] = odd_value(draw)
    elif how == "wrapped":
        parent[key] = draw.choice([[old], {"a": old}, str(old), {"name": old}])
    elif how == "near" and isinstance(old, (int, float)) and not isinstance(old, bool):
        parent[key] = draw.choice([old + 1, old - 1, -old, old * 1000, old / 3, float(old), str(old)])
    else:
        parent[key] = odd_value(draw)
        return f"{where} is {parent[key]!r:.40}", new
    return f"{where} {how}", new
