"""Folders of models that were damaged, or made to mislead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from fuzz.blobs import bomb, damaged, odd_bytes, odd_path
from fuzz.case import Case, kind
from fuzz.kinds.trees import twisted
from fuzz.stock import take

DRAWN = torch.float64, torch.int64, torch.int8, torch.bool, torch.complex64, torch.bfloat16


def json_change(case: Case, path: Path) -> None:
    """Twists a value of a JSON file."""

    def do() -> None:
        what, tree = twisted(json.loads(path.read_text()), case.draw)
        case.changes = [(f"{path.name}: {what}", c[1]) if c[1] is do else c for c in case.changes]
        path.write_text(json.dumps(tree))

    case.change(path.name, do)


def weights_change(case: Case, path: Path) -> None:
    """Changes a tensor of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    draw = case.draw
    how = draw.choice(
        ["gone", "more", "shape", "kind", "nan", "empty", "renamed", "transposed", "pickle", "huge header"]
    )

    def do() -> None:
        if how == "pickle":
            path.write_bytes(bomb())
            return
        if how == "huge header":
            path.write_bytes((2 ** draw.choice([40, 62, 20])).to_bytes(8, "little") + path.read_bytes()[8:])
            return
        try:
            tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
        except SafetensorError as error:  # the change before this one left no weights
            raise ValueError(path) from error
        name = draw.choice(sorted(tensors))
        tensor = tensors[name]
        if how == "gone":
            del tensors[name]
        elif how == "more":
            tensors[draw.choice(["x", "", "a.b", "../x", "embedding.weight.scale"])] = torch.ones(2)
        elif how == "shape":
            tensors[name] = draw.choice(
                [tensor[:-1], torch.cat([tensor, tensor]), tensor[None], tensor.flatten()]
            ).clone()
        elif how == "kind":
            tensors[name] = tensor.to(draw.choice(DRAWN))
        elif how == "nan":
            tensor.view(-1)[0] = draw.choice([float("nan"), float("inf"), 1e38])
        elif how == "empty":
            tensors[name] = torch.empty(0)
        elif how == "renamed":
            tensors[f"{name}x"] = tensors.pop(name)
        else:
            tensors[name] = tensor.t().contiguous() if tensor.dim() == 2 else tensor.flip(0).contiguous()
        save_file(tensors, path)

    case.change(f"a weight {how}", do)


def rehash(folder: Path) -> Callable[[], None]:
    """Makes hashes fit again, where there are files to be hashed: what lies behind them has to hold by itself."""

    def do() -> None:
        from hostile_folders import rehash as fit

        if not (folder / "metrics.json").is_file():
            return
        try:
            if (folder / "entry.json").is_file():
                fit(folder)
                return
            metrics: Any = json.loads((folder / "metrics.json").read_text())
            from rnnzoo.files import sha256_file

            for name in list(metrics["files"]):
                if (folder / name).is_file() and not (folder / name).is_symlink():
                    metrics["files"][name] = sha256_file(folder / name)
            (folder / "metrics.json").write_text(json.dumps(metrics))
        except Exception:
            return  # metrics.json itself is what was spoilt

    do.last = True  # type: ignore[attr-defined]
    return do


@kind("folders", 22)
def folders(case: Case) -> None:
    """A run or an entry, spoilt, and whatever loads it."""
    draw = case.draw
    which = draw.choice(["runs/lm/1", "runs/mt/1", "runs/words/1", "entry", "entry-mt", "runs/cls/1", "entry-cls"])
    take(case.stock, case.folder, which)
    folder = case.folder / Path(which.removesuffix("/1")).name
    folder.rename(case.folder / "model")
    folder = case.folder / "model"
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    weighed = [name for name in names if name.endswith((".json", ".safetensors"))]
    for _ in range(draw.choice([1, 1, 1, 2])):
        name = draw.choice(weighed if draw.random() < 0.9 else names)
        path, how = folder / name, draw.random()
        if how < 0.5 and name.endswith(".json"):
            json_change(case, path)
        elif how < 0.5 and name.endswith(".safetensors"):
            weights_change(case, path)
        elif how < 0.65:
            what, data = damaged(path.read_bytes(), draw)
            case.change(f"{name} {what}", lambda path=path, data=data: path.write_bytes(data) and None)  # type: ignore[misc]
        elif how < 0.8:
            what, data = odd_bytes(draw)
            case.change(f"{name} is {what}", lambda path=path, data=data: path.write_bytes(data) and None)  # type: ignore[misc]
        else:
            case.change(*odd_path(path, draw))
    if draw.random() < 0.75:
        case.change("hashes made to fit", rehash(folder))
    mt, cls = "mt" in which, "cls" in which
    lm = not (mt or cls)
    name_of = Path(which.removesuffix("/1")).name
    commands: list[list[str]] = [["show", "./model"], ["verify", "./model", "--quick"], ["test", "./model"]]
    if lm:
        take(case.stock, case.folder, "text.txt", "poem.txt", "lm.yaml")
        commands += [
            ["generate", "./model", "--max-new-tokens", "3"],
            ["score", "./model", "text.txt", "--unknown", "drop"],
        ]
        commands += [["train", "lm.yaml", "--init_from", "./model", "--text", "text.txt"]]
        commands += [["data", "build", "out", "--text", "text.txt", "--tokenizer", "model"]]
    if mt:
        commands += [["translate", "./model", "ba", "--unknown", "drop", "--beam", draw.choice(["1", "3"])]] * 3
    if cls:
        take(case.stock, case.folder, "texts.csv", "cls.yaml")
        commands += [
            ["classify", "./model", "ab", "--unknown", "drop", *draw.choice([[], ["--scores"], ["--explain"]])]
        ] * 3
        commands += [["train", "cls.yaml", draw.choice(["--init_from", "--encoder"]), "./model"]]
    if "entry" in which:
        commands += [["verify", "./model", "--text", "poem.txt"]]
    else:
        commands += [["entry", "./model", name_of, "--root", "out", "--text", "text.txt"]]
    case.words = draw.choice(commands)
    case.failing = case.words[0] in ("verify", "entry")
