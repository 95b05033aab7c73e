"""What `rnnzoo export` refuses, before a model is looked for, and in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.inference.graphs.onnx import require_onnx


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("out.bin", [], "has to end in .onnx, .pt2, .zip or .html, or in a slash for a folder"),
        ("missing/out", [], "missing: no such folder"),
        ("there.zip", [], "there.zip: is there already; --force replaces it"),
        ("other.json/", [], "other.json: is there already, and is no folder that `rnnzoo export` wrote"),
        ("folder.onnx/", ["--force"], "folder.onnx: is there already, and is no folder that `rnnzoo export` wrote"),
        ("out.pt2", ["--int8"], "int8 is for .onnx files"),
        ("missing/out.onnx", [], "missing: no such folder"),
        ("there.onnx", [], "there.onnx: is there already; --force replaces it"),
        ("other.onnx", [], "other.json: is there already; --force replaces it"),
        ("folder.onnx", ["--force"], "folder.onnx: is a folder"),
    ],
)
def test_refused(
    out: str,
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("there.onnx", "there.zip", "other.json"):
        (tmp_path / name).write_text("kept")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "folder.onnx" / "mine").touch()
    assert main(["export", "no-such-model", out, *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert (tmp_path / "there.onnx").read_text() == (tmp_path / "other.json").read_text() == "kept"
    assert sorted(os.listdir(tmp_path)) == ["folder.onnx", "other.json", "there.onnx", "there.zip"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everybody may write everywhere here")
def test_closed_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    assert main(["export", "no-such-model", str(tmp_path / "out.onnx")]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_missing_extra_names_what_to_install() -> None:
    require_onnx("torch")
    with pytest.raises(UserError, match=r"this needs no_such_package: pip install 'rnnzoo\[export\]'"):
        require_onnx("torch", "no_such_package")
