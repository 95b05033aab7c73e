"""``rnnzoo data``, run as people run it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.cli import data
from rnnzoo.data import CATALOGUE
from rnnzoo.errors import UserError


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    data.register(parser.add_subparsers())
    args = parser.parse_args(["data", *arguments])
    code = args.run(args)
    assert isinstance(code, int)
    return code


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with nothing in it but files named as Tiny Shakespeare's."""
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("x")
    return tmp_path


def test_ls_has_a_line_for_each_corpus(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ls") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "kind", "splits", "size", "here", "licence"]
    assert [line.split()[0] for line in lines[1:]] == list(CATALOGUE)
    table = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert table["tinyshakespeare"] == "text 90/10 1.1 MB yes public domain"
    assert table["pydocs"].startswith("text 90/10 built in PSF")
    assert table["text8"].startswith("text 90/5/5 100.0 MB no GFDL")


def test_ls_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ls", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(CATALOGUE)
    assert rows["tinyshakespeare"]["here"] is True
    assert rows["tinyshakespeare"]["folder"] == str(tiny / "tinyshakespeare")
    assert rows["tinyshakespeare"]["files"][0]["sha256"].startswith("86c4e6aa")
    assert rows["ptb"]["research_only"] is True
    assert rows["ptb"]["folder"] is None
    assert rows["wmt14"]["hub"] == "wmt/wmt14:fr-en"
    assert rows["pydocs"]["here"] is True


def test_get_shows_the_licence_and_checks_what_is_here(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not (data_dir / "ptb" / "ptb.train.txt").is_file():
        pytest.skip("ptb is not under RNNZOO_DATA")
    assert run("get", "ptb", "pydocs", "ptb") == 0
    out, err = capsys.readouterr()
    assert out == (f"{data_dir / 'ptb'}: 3 files, sha256 as in the catalogue\npydocs: built in, nothing to get\n")
    assert "rnnzoo: ptb: Penn Treebank text" in err
    assert "for research only" in err


def test_a_misspelt_name_stops_before_anything_is_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="did you mean 'text8'"):
        run("get", "pydocs", "text9")
    assert capsys.readouterr().out == ""


def test_the_command_itself_is_light_and_survives_a_reader_that_leaves() -> None:
    code = (
        "import sys, rnnzoo.cli.data; print(*[m for m in ('torch', 'numpy', 'rich', 'datasets') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
    code = (
        "import argparse, sys; from rnnzoo.cli import data; p = argparse.ArgumentParser();"
        "data.register(p.add_subparsers()); a = p.parse_args(['data', 'ls', '--json']); sys.exit(a.run(a))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    left = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (left.returncode, left.stderr) == (0, "")
