"""What the command says where there can be no page."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.cli import main

LSTM, TRANSLATOR = "char-lstm.tinyshakespeare", "mt-lstm.numbers-en-fr"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([LSTM] * 5 + ["{}/page.html"], "a page has room for 4 models, not 5"),
        ([LSTM, TRANSLATOR, "{}/page.html"], "language models and translators do not go into one page"),
        ([LSTM, "{}/nowhere/page.html"], "no such folder"),
        ([LSTM, "{}/there.html"], "is there already; --force replaces it"),
        (["no-such-model", "{}/page.html"], "no-such-model"),
    ],
)
def test_one_line_says_why(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "there.html").write_text("mine")
    assert main(["export", *(word.format(tmp_path) for word in words)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]
    assert (tmp_path / "there.html").read_text() == "mine"
