"""Folders that somebody may have prepared: each takes an entry in order and turns it against whoever loads it.

Unless the hashes are the point, they are made to fit again, so that what lies behind them has to hold by itself.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from rnnzoo.files import sha256_file
from rnnzoo.text import BPETokenizer
from rnnzoo.zoo.entry import write_listing
from rnnzoo.zoo.layout import WEIGHED

__all__ = ["HOSTILE", "HOSTILE_CLASSIFIERS", "HOSTILE_TRANSLATORS", "Kind", "build"]

INTRUDER = "import os\nopen(os.environ['RNNZOO_TRACE'], 'w').close()\n"


class Kind(NamedTuple):
    """What it does to the folder, and whether loading must refuse it (else: it must load and ignore that)."""

    make: Callable[[Path], None]
    refused: bool = True
    rehash: bool = True


class Bomb:
    """What a pickle can be."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch $RNNZOO_TRACE",)


def build(entry: Path, kind: Kind) -> None:
    """Turns the entry into that kind."""
    kind.make(entry)
    if kind.rehash:
        rehash(entry)


def rehash(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    weighed = [name for name in (*WEIGHED, "tokenizer.src.json") if name in WEIGHED or (folder / name).is_file()]
    metrics["files"] = {name: sha256_file(folder / name) for name in weighed}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    write_listing(folder)


def config(*keys: str, value: Any) -> Callable[[Path], None]:
    """Sets a value of config.json."""
    return lambda folder: _set(folder / "config.json", keys, value)


def listing(*keys: str, value: Any) -> Callable[[Path], None]:
    """Sets a value of entry.json."""
    return lambda folder: _set(folder / "entry.json", keys, value)


def _set(path: Path, keys: tuple[str, ...], value: Any) -> None:
    data = json.loads(path.read_text())
    place = data
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(data))


def written(name: str, data: bytes | str) -> Callable[[Path], None]:
    """Replaces or adds a file."""
    return lambda folder: (folder / name).write_bytes(data.encode() if isinstance(data, str) else data) and None


def link(name: str, target: str) -> Callable[[Path], None]:
    """Puts a link in the file's place; ``{secret}`` is a file beside the folder."""

    def make(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target.format(secret=folder.parent / "secret.json"))

    return make


def fifo(name: str) -> Callable[[Path], None]:
    """Puts a pipe in the file's place."""

    def make(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return make


def header(length: int, text: bytes = b"") -> bytes:
    return struct.pack("<Q", length) + text


def overlapping(folder: Path) -> None:
    """Tensors that claim each other's bytes."""
    path = folder / "model.safetensors"
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    table = json.loads(data[8 : 8 + size])
    first = next(name for name in table if name != "__metadata__")
    for name in table:
        if name != "__metadata__":
            table[name]["data_offsets"] = table[first]["data_offsets"]
    text = json.dumps(table).encode()
    path.write_bytes(header(len(text), text) + data[8 + size :])


def weights(edit: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    """Changes the tensors."""

    def make(folder: Path) -> None:
        found = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
        edit(found)
        save_file(found, folder / "model.safetensors")

    return make


def modules(folder: Path) -> None:
    """Files that an importer, a trainer or a hub library may be tempted to run."""
    for name in ("__init__.py", "setup.py", "sitecustomize.py", "conftest.py", "modeling_rnn.py", "intruder.py"):
        (folder / name).write_text(INTRUDER)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    (folder / "last.ckpt").write_bytes(pickle.dumps(Bomb()))


def endless(folder: Path) -> None:
    """Merges of which each doubles its token: sixty would make one of 2^60 bytes, and these begin so."""
    data = BPETokenizer([("a", "a")]).to_dict()
    data["model"]["merges"] = [["a" * 2**n] * 2 for n in range(16)]
    (folder / "tokenizer.json").write_text(json.dumps(data))


def larger(folder: Path) -> None:
    """JSON of 65 MB, which takes no room on the disk."""
    with (folder / "config.json").open("ab") as file:
        file.truncate(65 << 20)


BACKBONE = ("model", "backbone")
LISTED = {"size": 2, "sha256": "0" * 64}
RECIPE = "!!python/object/apply:os.system ['touch $RNNZOO_TRACE']\n"
DEEP = '{"schema": 1, "task": ' + "[" * 100_000 + "]" * 100_000 + "}"

HOSTILE: dict[str, Kind] = {
    "a pickle for weights": Kind(written("model.safetensors", pickle.dumps(Bomb()))),
    "a pickle for golden logits": Kind(written("golden.safetensors", pickle.dumps(Bomb())), refused=False),
    "modules beside": Kind(modules, refused=False),
    "a recipe that runs": Kind(written("recipe.yaml", RECIPE), refused=False),
    "a card with a script": Kind(written("README.md", "<script>alert(1)</script>\n"), refused=False),
    "a function for a cell": Kind(config(*BACKBONE, "cell", value={"name": "os.system"})),
    "a class of ours for a cell": Kind(config(*BACKBONE, "cell", value={"name": "rnnzoo.cells.lstm.LSTM"})),
    "a module for a cell": Kind(config(*BACKBONE, "cell", value={"name": "intruder"})),
    "a path for a cell": Kind(config(*BACKBONE, "cell", value={"name": "../../intruder"})),
    "our base module for a cell": Kind(config(*BACKBONE, "cell", value={"name": "base"})),
    "class_path": Kind(config(*BACKBONE, "cell", "class_path", value="os.system")),
    "_target_": Kind(config("model", "_target_", value="os.system")),
    "another task": Kind(config("task", value="intruder.Task")),
    "auto_map": Kind(config("auto_map", value={"AutoModel": "modeling_rnn.Model"})),
    "a tokenizer of a module": Kind(written("tokenizer.json", '{"type": "intruder.Tokenizer"}')),
    "a tokenizer from a file": Kind(written("tokenizer.json", '{"vocab_file": "/etc/passwd"}')),
    "tokens that double": Kind(endless),
    "a listed file above": Kind(listing("files", "../secret.json", value=LISTED), rehash=False),
    "a listed file anywhere": Kind(listing("files", "/etc/passwd", value=LISTED), rehash=False),
    "a listed module": Kind(listing("files", "setup.py", value=LISTED), rehash=False),
    "an unlisted change": Kind(written("samples.txt", "another"), rehash=False),
    "a listing of tomorrow": Kind(listing("schema", value=2), rehash=False),
    "a config of tomorrow": Kind(config("schema", value=99)),
    "a link to a secret": Kind(link("tokenizer.json", "{secret}"), rehash=False),
    "a link to a device": Kind(link("config.json", "/dev/zero"), rehash=False),
    "a link to itself": Kind(link("metrics.json", "metrics.json"), rehash=False),
    "a pipe": Kind(fifo("tokenizer.json"), rehash=False),
    "a header of exabytes": Kind(written("model.safetensors", header(1 << 62))),
    "a header of all there is": Kind(written("model.safetensors", header(99_000_000, b"{" * 100))),
    "a header that is no JSON": Kind(written("model.safetensors", header(8, b"import o"))),
    "tensors on top of each other": Kind(overlapping),
    "tensors beyond the end": Kind(lambda folder: os.truncate(folder / "model.safetensors", 2000)),
    "a tensor more": Kind(weights(lambda found: found.update({"\x1b[2J\n__class__": torch.zeros(1)}))),
    "a tensor less": Kind(weights(lambda found: found.__delitem__("head.bias"))),
    "integers for weights": Kind(weights(lambda found: found.update({"head.bias": torch.zeros(12, dtype=torch.int)}))),
    "a layer of terabytes": Kind(config(*BACKBONE, "hidden_size", value=10**9)),
    "a thousand million layers": Kind(config(*BACKBONE, "num_layers", value=10**9)),
    "a number of 30 digits": Kind(config("model", "embedding_dim", value=10**30)),
    "JSON of 65 MB": Kind(larger),
    "JSON 100,000 deep": Kind(written("config.json", DEEP)),
    "a key twice": Kind(written("config.json", '{"schema": 1, "schema": 1}')),
    "no number": Kind(written("config.json", '{"schema": NaN}')),
    "not UTF-8": Kind(written("config.json", b'{"schema": "\xff"}')),
}
"""Language models."""


def golden(edit: dict[str, torch.Tensor]) -> Callable[[Path], None]:
    """Changes the golden tensors."""
    return lambda folder: save_file(load_file(folder / "golden.safetensors") | edit, folder / "golden.safetensors")


HOSTILE_TRANSLATORS: dict[str, Kind] = {
    "a source vocabulary that is a link to a secret": Kind(link("tokenizer.src.json", "{secret}"), rehash=False),
    "a source vocabulary that is a pipe": Kind(fifo("tokenizer.src.json"), rehash=False),
    "a source vocabulary of a module": Kind(written("tokenizer.src.json", '{"type": "intruder.Tokenizer"}')),
    "no source vocabulary": Kind(lambda folder: (folder / "tokenizer.src.json").unlink()),
    "another source vocabulary": Kind(
        lambda folder: shutil.copyfile(folder / "tokenizer.json", folder / "tokenizer.src.json") and None
    ),
    "a pickle for the weights of a translator": Kind(written("model.safetensors", pickle.dumps(Bomb()))),
    "a language model by its task": Kind(config("task", value="char_lm")),
    "a function for an encoder's cell": Kind(config("model", "encoder", "cell", value={"name": "os.system"})),
    "a module for a decoder's cell": Kind(config("model", "decoder", "cell", value={"name": "intruder"})),
    "a function for attention": Kind(config("model", "attention", value={"name": "os.system"})),
    "class_path in attention": Kind(config("model", "attention", "class_path", value="os.system")),
    "an encoder of terabytes": Kind(config("model", "encoder", "hidden_size", value=10**9)),
    "a decoder of terabytes": Kind(config("model", "decoder", "hidden_size", value=10**9)),
    "a thousand million layers of encoder": Kind(config("model", "encoder", "num_layers", value=10**9)),
    "a thousand million layers of decoder": Kind(config("model", "decoder", "num_layers", value=10**9)),
    "attention of terabytes": Kind(config("model", "attention", value={"name": "additive", "size": 10**12})),
    "a readout of 30 digits": Kind(config("model", "readout_size", value=10**30)),
    "a joint vocabulary of two": Kind(config("model", "shared", value="all")),
    "golden sources without end": Kind(
        golden({"src": torch.zeros(2, 1 << 20, dtype=torch.int32)}),
        refused=False,  # of `verify`, not of loading
    ),
    "golden tokens that are none": Kind(
        golden({"tgt": torch.full((2, 16), 1 << 30, dtype=torch.int32)}), refused=False
    ),
}
"""Translators."""

HOSTILE_CLASSIFIERS: dict[str, Kind] = {
    "labels that are none": Kind(config("model", "labels", value=[])),
    "a label twice": Kind(config("model", "labels", value=["plain", "plain", "sharp"])),
    "labels that are numbers": Kind(config("model", "labels", value=[1, 2, 3])),
    "a million labels": Kind(config("model", "labels", value=[str(n) for n in range(10**6)])),
    "other labels than the weights have": Kind(config("model", "labels", value=["a", "b"])),
    "a function for pooling": Kind(config("model", "pooling", value="os.system")),
    "class_path in pooling": Kind(config("model", "pooling", value={"class_path": "os.system"})),
    "another pooling": Kind(config("model", "pooling", value=["last", "max", "mean"])),
    "a stack of terabytes": Kind(config("model", "backbone", "hidden_size", value=10**9)),
    "a head of terabytes": Kind(config("model", "readout_size", value=10**8)),
    "a million layers both ways": Kind(config("model", "backbone", "num_layers", value=10**6)),
    "both ways with weights of one": Kind(config("model", "bidirectional", value=True)),
    "a temperature of zero": Kind(config("model", "output_temperature", value=0)),
    "a function for a classifier's cell": Kind(config("model", "backbone", "cell", value={"name": "os.system"})),
    "a pickle for the weights of a classifier": Kind(written("model.safetensors", pickle.dumps(Bomb()))),
    "a translator by the task of a classifier": Kind(config("task", value="translator")),
    "a picture that is a link to a secret": Kind(lambda folder: _linked(folder, "confusion.png"), rehash=False),
}
"""What can be wrong with a classifier's folder alone."""


def _linked(folder: Path, name: str) -> None:
    (folder / name).symlink_to(folder.parent / "secret.json")
