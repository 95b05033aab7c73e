"""`rnnzoo translate`: lines in, lines out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from small_translator import small_translator

from rnnzoo.cli import main
from rnnzoo.zoo import save_folder

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(tmp_path: Path) -> str:
    save_folder(tmp_path / "model", small_translator(), task="translator", data={"src": "en", "tgt": "fr"})
    return str(tmp_path / "model")


@pytest.fixture
def translate(model: str, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["translate", model, *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_arguments_files_and_stdin_say_the_same(
    translate: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["abc de", "", "h g"]
    (tmp_path / "in.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    code, out, _ = translate(*texts, "--max-len", "9")
    assert code == 0
    lines = out.split("\n")
    assert len(lines) == 4  # the last line is ended, too
    assert lines[1] == ""
    assert translate("--input", str(tmp_path / "in.txt"), "--max-len", "9")[1] == out
    stdin = io.TextIOWrapper(io.BytesIO((tmp_path / "in.txt").read_bytes()), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    assert translate("--max-len", "9")[1] == out


def test_attention_is_drawn(translate: Command, tmp_path: Path) -> None:
    code, _, err = translate("abc de", "--max-len", "9", "--attention", str(tmp_path / "it.png"))
    assert code == 0, err
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")


def test_nbest_in_json(translate: Command) -> None:
    code, out, err = translate("abc", "--beam", "3", "--nbest", "2", "--json", "--max-len", "6")
    assert code == 0, err
    assert json.loads(out.splitlines()[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "--beam", "0"], "beam must be"),
        (["a", "--beam", "2", "--nbest", "3"], "nbest"),
        (["a", "--input", "x.txt"], "--input"),
        (["--input", "missing.txt"], "missing.txt"),
        (["a", "--tgt", "de"], "de"),
    ],
)
def test_what_is_refused(translate: Command, words: list[str], said: str) -> None:
    code, out, err = translate(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
