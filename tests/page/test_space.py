"""A Space: a header that the hub can read, and the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import SpaceCard

from rnnzoo.cli import main

NAME = "char-rnn.tinyshakespeare"


def test_a_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "space"
    assert main(["export", "--space", NAME, str(place), "--int8"]) == 0
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "index.html"]
    card = SpaceCard.load(place / "README.md")
    assert (card.data.sdk, card.data.app_file, card.data.title) == ("static", "index.html", NAME)
    assert len(card.data.short_description) <= 60
    assert f'rnnzoo.load("{NAME}")' in card.text
    assert (place / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["export", "--space", NAME, str(place)]) == 2
    assert capsys.readouterr().err.endswith("is there already; --force replaces it\n")
    (place / "own.txt").touch()
    assert main(["export", "--space", NAME, str(place), "--force"]) == 2
    assert capsys.readouterr().err.endswith("holds other files than those of a Space\n")


def test_a_space_that_cannot_be_made_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--space", NAME, "mt-lstm.numbers-en-fr", str(tmp_path / "space")]) == 2
    assert main(["export", "--space", "nothing", str(tmp_path / "space")]) == 2
    assert not (tmp_path / "space").exists()
