"""The command that compares translators by the length of what they translate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from small_entry import small_model
from small_pairs import write

from benchmarks import bleu_by_length
from rnnzoo.data.pairs import load_pairs
from rnnzoo.errors import UserError
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import load, save_folder

GRU = {"cell": "gru", "hidden_size": 8}
SEARCH = {"min_len": 24, "max_len": 30, "no_repeat_ngram": 2}  # enough for several words of letters at random
VANILLA = {"attention": None, "bridge": "copy", "bidirectional": False, "reverse_source": True}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the page; beside it two files of pairs and two translators of them.

    Neither has learned anything, but what the first one makes of the long sentences counts as right.
    """
    (tmp_path / "docs").mkdir()
    shutil.copy(bleu_by_length.ROOT / "docs" / "translation.md", tmp_path / "docs")
    files = write(tmp_path, 200)
    tokenizers = [CharTokenizerConfig().build(file.read_text(encoding="utf-8").splitlines()) for file in files]
    data = {"files": [file.name for file in files], "src": "la", "tgt": "it", "test_part": True, "tokenizer": "char"}
    for name, fields in {"mt-gru.poem": {}, "mt-vanilla.poem": VANILLA}.items():
        torch.manual_seed(len(name))
        config = Seq2SeqConfig.from_dict({"embedding_dim": 6, "encoder": GRU, "decoder": GRU} | fields)
        metrics = {"recipe": name, "search": {"beam": 2, **SEARCH}}
        save_folder(tmp_path / "runs" / name / "1", config.build(*tokenizers), data=data, metrics=metrics)
    model = load(str(tmp_path / "runs" / "mt-gru.poem" / "1"), kind=Seq2Seq)
    src, tgt = (file.read_text(encoding="utf-8").splitlines() for file in files)
    made = model.translate(src, beam=2, **SEARCH)
    right = [own if len(a.split()) > 4 else b for a, b, own in zip(src, tgt, made, strict=True)]
    files[1].write_text("".join(f"{line}\n" for line in right), encoding="utf-8")
    return tmp_path


def words(root: Path, *names: str) -> list[str]:
    files = [str(root / "pairs.src"), str(root / "pairs.tgt")]
    return [*(str(root / "runs" / name / "1") for name in names), "--edges", "2", "4", "--text", *files]


def test_two_models_side_by_side(root: Path) -> None:
    page, picture = root / "docs" / "translation.md", root / "docs" / "images" / "bleu-by-length.svg"
    before = page.read_text(encoding="utf-8")
    command = words(root, "mt-gru.poem", "mt-vanilla.poem")
    assert bleu_by_length.main(command, root) == 0
    written, drawn = page.read_text(encoding="utf-8"), picture.read_bytes()
    found = json.loads((root / "benchmarks" / "results" / "bleu-by-length.json").read_text())
    assert [one["model"] for one in found] == ["mt-gru.poem", "mt-vanilla.poem"]
    assert [one["attention"] for one in found] == ["general", None]
    assert [one["search"]["beam"] for one in found] == [2, 2]
    assert str(root) not in written + json.dumps(found)
    assert "| words of the source | sentences | `mt-gru.poem` | `mt-vanilla.poem` |" in written
    assert "| all | 20 |" in written
    assert "(images/bleu-by-length.svg)" in written
    assert drawn.startswith(b"<?xml")
    assert bleu_by_length.BLOCK.sub("", written) == bleu_by_length.BLOCK.sub("", before)
    assert bleu_by_length.main(command, root) == 0
    assert page.read_text(encoding="utf-8") == written
    assert picture.read_bytes() == drawn


def test_a_bin_is_scored_by_its_own_sentences(root: Path) -> None:
    *_, src, tgt = words(root)
    found = bleu_by_length.measured(str(root / "runs" / "mt-gru.poem" / "1"), "test", (2, 4), [src, tgt])
    assert bleu_by_length.bins(found) == ["to 2", "3 to 4", "from 5"]
    corpus = load_pairs(files=(src, tgt), src="la", tgt="it", test_part=True)
    assert found["corpus"]["sha256"] == corpus.sha256
    lengths = [len(source.split()) for source in corpus.splits["test"][0]]
    counts = [sum(least <= n <= most for n in lengths) for least, most in ((0, 2), (3, 4), (5, 99))]
    assert [row["sentences"] for row in found["by_length"]] == counts
    short, middle, long = (row["score"] for row in found["by_length"])
    assert max(short, middle) < 10
    assert long == pytest.approx(100)
    assert max(short, middle) < found["bleu"]["score"] < 100


def test_what_cannot_be_measured(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (root / "docs" / "translation.md").read_bytes()
    save_folder(root / "lm", small_model(), task="char_lm")
    for command, message in (
        ([str(root / "lm")], "this takes a translator"),
        (["./nowhere"], "nowhere: no such folder"),
        (words(root, "mt-gru.poem")[:1], "say where they are with --text"),
        ([*words(root, "mt-gru.poem"), "--edges", "4", "2"], "must rise"),
    ):
        assert bleu_by_length.main(command, root) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
        assert message in captured.err
    assert (root / "docs" / "translation.md").read_bytes() == before
    assert not (root / "benchmarks").exists()


def test_models_of_different_pairs_are_not_compared(root: Path) -> None:
    *_, src, tgt = words(root)
    found = bleu_by_length.measured(str(root / "runs" / "mt-gru.poem" / "1"), "test", (2,), [src, tgt])
    bleu_by_length.alike([found, found])
    with pytest.raises(UserError, match="not measured on the same pairs"):
        bleu_by_length.alike([found, found | {"corpus": found["corpus"] | {"split": "valid"}}])
