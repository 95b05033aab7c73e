"""Runs that were stopped and go on, with something of them spoilt; and shards, the same."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
from pathlib import Path
from typing import Any

import torch

from fuzz.blobs import NUMBERS, bomb, damaged, odd_bytes, odd_path, odd_value
from fuzz.case import Case, kind
from fuzz.kinds.folders import json_change
from fuzz.kinds.trees import twisted
from fuzz.stock import FILES, take


def spoil_checkpoint(case: Case, path: Path) -> None:
    """Changes something in a checkpoint, whose hash then fits again."""
    draw = case.draw
    how = draw.choice(["gone", "gone", "value", "value", "shape", "kind", "empty", "pickle", "list", "tensor"])

    def do() -> None:
        from rnnzoo.files import sha256_file
        from rnnzoo.training import sidecar

        if not path.is_file() or path.read_bytes()[:2] != b"PK":  # what another change has put there
            return
        if how == "pickle":
            path.write_bytes(bomb())
        else:
            data: Any = torch.load(path, weights_only=True)
            what, data = _changed(data, how, case)
            case.changes = [(f"checkpoint: {what}", c[1]) if c[1] is do else c for c in case.changes]
            with contextlib.suppress(RecursionError):  # nested too deeply even to be written
                torch.save(data, path)
        sidecar(path).write_text(f"{sha256_file(path)}  {path.name}\n")

    case.change(f"checkpoint: {how}", do)


def _changed(data: Any, how: str, case: Case) -> tuple[str, Any]:
    draw = case.draw
    if how == "list":
        return "another thing", draw.choice([[1], {}, 1, "x", None, torch.ones(1), {"state_dict": {}}])
    places = _places(data)
    wanted = [p for p, value in places if isinstance(value, torch.Tensor) == (how in ("shape", "kind", "tensor"))]
    path = draw.choice(wanted)
    parent: Any = data
    for key in path[:-1]:
        parent = parent[key]
    old = parent[path[-1]]
    where = ".".join(map(str, path))[-60:]
    if how == "gone":
        del parent[path[-1]]
    elif how == "value":
        parent[path[-1]] = new = draw.choice([odd_value(draw), draw.choice(NUMBERS), torch.ones(3)])
        return f"{where} is {new!r:.40}", data
    elif how == "shape":
        parent[path[-1]] = draw.choice([old[None], old.flatten()[:1], torch.zeros(0), torch.zeros(3, 3)]).clone()
    elif how == "kind":
        parent[path[-1]] = draw.choice([old.to(torch.int64), old.to(torch.float64), old.bool(), old * float("nan")])
    elif how == "tensor":
        parent[path[-1]] = odd_value(draw)
    else:
        parent[path[-1]] = type(old)() if isinstance(old, (dict, list, str, int, float)) else None
    return f"{where} {how}", data


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    found = [(path, tree)] if path else []
    items = (
        tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) and len(tree) < 50 else ()
    )
    for key, value in items:
        found += _places(value, (*path, key))
    return found


@kind("resumed", 18)
def resumed(case: Case) -> None:
    """A run that was stopped; something of it is another now."""
    draw, name = case.draw, case.draw.choice(["lm", "lm", "words", "mt", "cls"])
    files = FILES[name]
    take(case.stock, case.folder, f"{name}.yaml", *files)
    (case.folder / "runs").mkdir()
    shutil.copytree(case.stock / "going" / "runs" / name, case.folder / "runs" / name)
    run = case.folder / "runs" / name / "1"
    checkpoints = sorted((run / "checkpoints").glob("*.ckpt"))
    for _ in range(draw.choice([1, 1, 1, 2])):
        how = draw.choice(["checkpoint"] * 5 + ["json", "json", "history", "file", "path", "both", "recipe", "text"])
        if how == "checkpoint":
            spoil_checkpoint(case, draw.choice(checkpoints))
        elif how == "both":
            for path in checkpoints:
                spoil_checkpoint(case, path)
        elif how == "json":
            json_change(case, run / "run.json")
        elif how == "history":
            _history(case, run / "history.jsonl")
        elif how == "recipe":
            what, data = damaged((run / "recipe.yaml").read_bytes(), draw)
            case.change(f"recipe.yaml {what}", lambda data=data: (run / "recipe.yaml").write_bytes(data) and None)  # type: ignore[misc]
        elif how == "text":
            path = case.folder / files[0]
            what, data = odd_bytes(draw)
            case.change(f"text is {what}", lambda path=path, data=data: path.write_bytes(data) and None)  # type: ignore[misc]
        else:
            inside = [*sorted(path for path in run.rglob("*") if path.is_file()), run / "checkpoints", run]
            path = draw.choice(inside)
            if how == "path":
                case.change(*odd_path(path, draw))
            elif path.is_file():
                what, data = draw.choice([damaged(path.read_bytes(), draw), odd_bytes(draw)])
                case.change(f"{path.name} {what}", lambda path=path, data=data: path.write_bytes(data) and None)  # type: ignore[misc]
    case.words = ["train", f"{name}.yaml", draw.choice(["--resume", "--resume", "--restart"])]
    if draw.random() < 0.1:
        case.words = draw.choice(
            [["test", f"runs/{name}"], ["show", f"./runs/{name}/1"], ["entry", f"runs/{name}/1", "a.b"]]
        )


def _history(case: Case, path: Path) -> None:
    draw = case.draw
    rows = path.read_text().splitlines()
    at = draw.randrange(len(rows))
    if draw.random() < 0.6:
        what, row = twisted(json.loads(rows[at]), draw)
        rows[at] = json.dumps(row)
    else:
        what = "a line of garbage"
        rows[at] = draw.choice(["", "{", "null", "[]", "1", "NaN", "\0", '{"step": 1}', "x" * 5000, '{"step": 1e999}'])
    case.change(f"history.jsonl: {what}", lambda: path.write_text("\n".join(rows) + "\n") and None)


def _rehash(folder: Path) -> None:
    """Makes the index's hashes fit again, where it can be read."""
    if not (folder / "index.json").is_file():
        return
    from rnnzoo.files import sha256_file

    try:
        index = json.loads((folder / "index.json").read_text())
        index["tokenizer"] = sha256_file(folder / "tokenizer.json")
        for part in ("train", "valid"):
            for shard in index[part]:
                shard["sha256"] = sha256_file(folder / shard["file"])
        (folder / "index.json").write_text(json.dumps(index))
    except Exception:
        return


@kind("shards", 10)
def shards(case: Case) -> None:
    """A folder of shards, spoilt, and a training on it, or its building that goes on."""
    draw = case.draw
    take(case.stock, case.folder, "shards", "text.txt", "lm.yaml")
    folder = case.folder / "shards"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(draw.choice([1, 1, 2])):
        path = draw.choice(files)
        how = draw.random()
        if how < 0.45 and path.suffix == ".json":
            json_change(case, path)
        elif how < 0.75:
            what, data = draw.choice([damaged(path.read_bytes(), draw), odd_bytes(draw)])
            case.change(f"{path.name} {what}", lambda path=path, data=data: path.write_bytes(data) and None)  # type: ignore[misc]
        else:
            case.change(*odd_path(path, draw))
    if draw.random() < 0.7:
        case.change("hashes made to fit", functools.partial(_rehash, folder))
    build = ["data", "build", "shards", "--text", "text.txt", "--shard-characters", "200"]
    case.words = draw.choice([["train", "lm.yaml", "--shards", "shards"]] * 3 + [build])
