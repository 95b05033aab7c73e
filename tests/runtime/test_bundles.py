"""Folders and ZIP files: complete, checked, and nothing but what was exported is read."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from exports import Pair, Translators

from rnnzoo.errors import UserError
from rnnzoo.runtime import Bundle, LanguageModel, Model, Translator


def test_files(pair: Pair, translators: Translators) -> None:
    names = {"README.md", "meta.json", "weights.bin", "step.onnx", "tokenizer.json"}
    assert {path.name for path in pair.folder.iterdir()} == names | {"write.onnx", "read.onnx"}
    assert {path.name for path in translators.folder.iterdir()} == names | {"encoder.onnx", "tokenizer.src.json"}
    for bundle in (pair.exported.bundle, translators.exported.bundle, Bundle(pair.folder.with_suffix(".zip"))):
        bundle.check()


def test_a_zip_file_is_the_folder(pair: Pair, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        for path in pair.folder.iterdir():
            archive.write(path, path.name)
    model = LanguageModel.open(tmp_path / "out.zip")
    assert model.generate("abc", seed=1, max_new_tokens=40) == pair.exported.generate("abc", seed=1, max_new_tokens=40)


@pytest.mark.parametrize("name", ["weights.bin", "write.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(pair: Pair, tmp_path: Path, name: str) -> None:
    shutil.copytree(pair.folder, tmp_path / "out")
    data = bytearray((tmp_path / "out" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "out" / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is not the file that was exported"):
        Model.open(tmp_path / "out").generate("a")  # type: ignore[attr-defined]
    (tmp_path / "out" / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        Model.open(tmp_path / "out").generate("a")  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", ["../secret", "/etc/passwd", "..", "a/b", "a\\b", ""])
def test_no_file_outside_is_read(pair: Pair, tmp_path: Path, file: str) -> None:
    shutil.copytree(pair.folder, tmp_path / "out")
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    meta["files"][file] = {"size": 3, "sha256": "0" * 64}
    meta["graphs"]["write"]["file"] = file
    (tmp_path / "out" / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(UserError, match="not what `rnnzoo export` writes"):
        Model.open(tmp_path / "out").generate("a")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "is of schema 99"),
        ({"format": "other"}, "not what `rnnzoo export` writes"),
        ({"kind": "oracle"}, "holds a 'oracle'"),
        ({"start": None}, "not what `rnnzoo export` writes"),
        ({"files": []}, "not what `rnnzoo export` writes"),
    ],
)
def test_other_descriptions_are_refused(pair: Pair, tmp_path: Path, change: dict[str, object], message: str) -> None:
    shutil.copytree(pair.folder, tmp_path / "out")
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    (tmp_path / "out" / "meta.json").write_text(json.dumps(meta | change))
    with pytest.raises(UserError, match=message):
        Model.open(tmp_path / "out")


def test_what_is_no_export(tmp_path: Path, pair: Pair) -> None:
    (tmp_path / "file.zip").write_bytes(b"PK no")
    for place, message in (("missing", "no such"), (".", "meta.json is missing"), ("file.zip", "nor a whole ZIP")):
        with pytest.raises(UserError, match=message):
            Model.open(tmp_path / place)
    with pytest.raises(UserError, match="holds a language model"):
        Translator.open(pair.folder)
