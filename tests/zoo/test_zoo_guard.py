"""A folder from anywhere is refused in one line before anything of the size that it claims is allocated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rnnzoo.errors import UserError
from rnnzoo.files import read_json, sha256_file
from rnnzoo.models import LanguageModelConfig
from rnnzoo.text import CharTokenizer
from rnnzoo.zoo import load_folder, save_folder

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = LanguageModelConfig.from_dict({"embedding_dim": 4, "backbone": {"hidden_size": 5, "num_layers": 2}})
    save_folder(tmp_path / "model", config.build(CharTokenizer.train(["abc"])))
    load_folder(tmp_path / "model")
    return tmp_path / "model"


def rehash(folder: Path) -> None:
    """The hashes in metrics.json as they would be had the folder been made this way."""
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["files"] = {name: sha256_file(folder / name) for name in metrics["files"]}
    (folder / "metrics.json").write_text(json.dumps(metrics))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("backbone", "hidden_size"), 10**9),
        (("backbone", "hidden_size"), 10**30),
        (("backbone", "num_layers"), 10**9),
        (("embedding_dim",), 10**12),
    ],
)
def test_sizes_beyond_all_memory_are_only_read(folder: Path, place: tuple[str, ...], value: int) -> None:
    config = json.loads((folder / "config.json").read_text())
    section: dict[str, Any] = config["model"]
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))
    rehash(folder)
    with pytest.raises(UserError) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)


def test_weights_of_another_kind_are_refused(folder: Path) -> None:
    weights = {name: tensor.to(torch.int8) for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    rehash(folder)
    with pytest.raises(UserError, match="no floating-point type"):
        load_folder(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "tokenizer.json").rename(tmp_path / "elsewhere.json")
    (folder / "tokenizer.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UserError, match="leads out of the folder"):
        load_folder(folder)


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000 + "]" * 100_000], ids=["twice", "NaN", "deep"]
)
def test_json_is_strict(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json"):
        read_json(tmp_path / "x.json")


def test_shapes_are_compared_without_the_machinery_of_meta_tensors(folder: Path) -> None:
    """The first draw on "meta" would load PyTorch's compiler and sympy, longer than a model takes to load."""
    code = f"""
import sys
import rnnzoo
rnnzoo.load({str(folder)!r})
assert "sympy" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": ROOT}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
