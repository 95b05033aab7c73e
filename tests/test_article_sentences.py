"""The command that fills the place for translations in docs/translation.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_translator import small_translator

from benchmarks import article_sentences
from rnnzoo.models import Seq2SeqConfig
from rnnzoo.text import BPETokenizer
from rnnzoo.zoo import save_folder


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    shutil.copy(article_sentences.DOCS / "translation.md", tmp_path / "docs")
    return tmp_path / "docs"


def test_the_page_is_filled_and_can_be_filled_again(docs: Path, tmp_path: Path) -> None:
    tokenizer = BPETokenizer.train(article_sentences.SENTENCES, 300)
    save_folder(tmp_path / "tiny", Seq2SeqConfig(embedding_dim=4).build(tokenizer))
    before = (docs / "translation.md").read_text(encoding="utf-8")
    assert article_sentences.main([str(tmp_path / "tiny")], docs) == 0
    page = (docs / "translation.md").read_text(encoding="utf-8")
    assert "By `tiny`, beam 5" in page
    assert str(tmp_path) not in page
    for sentence in article_sentences.SENTENCES:
        assert f"| {sentence} | " in page
    for picture in article_sentences.DRAWN:
        assert f"(images/{picture}.svg)" in page
        assert (docs / "images" / f"{picture}.svg").read_text().startswith("<?xml")
    outside = article_sentences.BLOCK.sub("", before)
    assert article_sentences.BLOCK.sub("", page) == outside
    assert article_sentences.main([str(tmp_path / "tiny")], docs) == 0
    assert (docs / "translation.md").read_text(encoding="utf-8") == page


def test_what_cannot_be_drawn(docs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (docs / "translation.md").read_bytes()
    save_folder(tmp_path / "letters", small_translator())  # which does not know a capital I
    assert article_sentences.main([str(tmp_path / "letters")], docs) == 2
    assert "'I'" in capsys.readouterr().err
    assert article_sentences.main(["./nowhere"], docs) == 2
    assert (docs / "translation.md").read_bytes() == before
