"""Recipes: YAML that is none, and fields that have what no field can have."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import yaml

from fuzz.blobs import damaged, odd_bytes, odd_path, odd_word
from fuzz.case import Case, kind
from fuzz.kinds.trees import twisted
from fuzz.stock import FILES, RECIPES, take

TAGS = ("x", "!int", "!binary", "!set", "!timestamp", "!omap", "!str")
ODD: dict[str, Callable[[random.Random], str]] = {
    "nested lists": lambda draw: "a: " + "[" * draw.choice([100, 10_000]) + "]" * 100,
    "nested mappings": lambda draw: "".join(" " * i + f"a{i}:\n" for i in range(draw.choice([50, 3000]))),
    "flow mappings": lambda draw: "x: " + "{a: " * draw.choice([100, 5000]) + "1" + "}" * 100,
    "a long integer": lambda draw: f"seed: {'9' * draw.choice([400, 5000])}\n",
    "a long float": lambda draw: f"seed: 1e{'9' * 400}\n",
    "hexadecimal": lambda draw: f"seed: 0x{'f' * draw.choice([10, 5000])}\n",
    "a list for a key": lambda draw: "[a, b]: 1\n",
    "a mapping for a key": lambda draw: "{a: b}: 1\n",
    "a complex key": lambda draw: "? - a\n  - b\n: 1\n",
    "null for a key": lambda draw: "~: 1\n",
    "a number for a key": lambda draw: "1: 1\n2.5: 2\ntrue: 3\n",
    "an anchor to itself": lambda draw: "data: &a [*a]\n",
    "an anchor in itself": lambda draw: "model: &a {backbone: *a}\n",
    "laughs": lambda draw: (
        "a: &a0 [x]\n" + "".join(f"b{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(9))
    ),
    "a merge": lambda draw: "data: {<<: {streams: 3}}\n",
    "a merge of a list": lambda draw: "data: {<<: [1, 2]}\n",
    "a python tag": lambda draw: "seed: !!python/object/apply:os.system ['touch $RNNZOO_TRACE']\n",
    "a tag": lambda draw: f"seed: !{draw.choice(TAGS)} {draw.choice(['abc', '{a: 1}', '[1]', '2020-13-45'])}\n",
    "an unknown anchor": lambda draw: "seed: *nothing\n",
    "two documents": lambda draw: "---\nseed: 1\n---\nseed: 2\n",
    "a directive": lambda draw: "%YAML 9.9\n---\nseed: 1\n",
    "a tab": lambda draw: "data:\n\tstreams: 3\n",
    "an open quote": lambda draw: 'seed: "\n',
    "escapes": lambda draw: 'sample: {prompt: "\\0\\e[31m\\uD800\\U0010FFFF"}\n',
    "a NUL in a path": lambda draw: 'data: {files: ["a\\0b.txt"]}\n',
    "surrogates in a path": lambda draw: 'data: {files: ["\\uD800.txt"]}\n',
    "a key twice": lambda draw: "seed: 1\nseed: 2\n",
    "only a comment": lambda draw: "# nothing\n",
    "a scalar": lambda draw: draw.choice(["1", "abc", "~", "[]", "- a\n- b", "'x'"]),
    "a long key": lambda draw: "k" * draw.choice([2000, 200_000]) + ": 1\n",
    "a block": lambda draw: "seed: |\n  1\n  2\n",
    "many keys": lambda draw: "".join(f"key{i}: {i}\n" for i in range(3000)),
}


@kind("recipes", 22)
def recipes(case: Case) -> None:
    """A recipe of a text and a few steps, which is then spoilt."""
    draw, name = case.draw, case.draw.choice(list(RECIPES))
    files = FILES[name]
    take(case.stock, case.folder, f"{name}.yaml", *files)
    path = case.folder / f"{name}.yaml"
    text = path.read_text()
    how = draw.choice(["fields", "fields", "fields", "fields", "text", "text", "damaged", "bytes", "path", "words"])
    if how == "fields":
        # of all fields that there are, with their defaults
        tree = yaml.safe_load((case.stock / "runs" / name / "1" / "recipe.yaml").read_text())
        for _ in range(draw.choice([1, 1, 1, 2])):
            what, tree = twisted(tree, draw)
            case.change(what, _write_tree(path, tree))
    elif how == "text":
        what = draw.choice(list(ODD))
        odd = ODD[what](draw)
        whole = odd if draw.random() < 0.3 else f"{text}\n{odd}" if draw.random() < 0.5 else f"{odd}\n{text}"
        case.change(what, lambda: path.write_text(whole) and None)
    elif how == "words":
        line = draw.randrange(1, 20)
        words = text.replace("\n", " \n").split(" ")
        words[line % len(words)] = odd_word(draw)
        case.change(f"word {line}", lambda: path.write_text(" ".join(words), errors="surrogatepass") and None)
    elif how == "path":
        case.change(*odd_path(path, draw))
    else:
        what, data = damaged(text.encode(), draw) if how == "damaged" else odd_bytes(draw)
        case.change(what, lambda: path.write_bytes(data) and None)
    over = draw.random() < 0.1
    case.words = [
        "train",
        path.name,
        *(["--over", path.name] if over else []),
        *(["--fields"] if draw.random() < 0.15 else []),
    ]
    if draw.random() < 0.05:
        case.words = ["sweep", path.name, "--lr", "1e-3,1e-2"]


def _write_tree(path: object, tree: object) -> Callable[[], None]:
    from pathlib import Path

    assert isinstance(path, Path)

    def write() -> None:
        try:
            text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
        except (yaml.YAMLError, RecursionError):
            path.write_text(json.dumps(str(tree)))

    return write
