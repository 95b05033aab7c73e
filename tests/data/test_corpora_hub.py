"""Datasets that the `datasets` library loads; here from folders, which it treats alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.data import load_corpus
from rnnzoo.data.hub import fetch_hub_pairs
from rnnzoo.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def parquet(path: Path, columns: dict[str, list[object]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)


def test_text_files_with_splits_of_their_own(folder: Path) -> None:
    for split, text in {"train": "one\n\ntwo\n", "validation": "three\n", "test": "four"}.items():
        (folder / f"{split}.txt").write_text(text)
    corpus = load_corpus(hub=str(folder))
    assert corpus.splits == {"train": "one\n\ntwo\n", "valid": "three\n", "test": "four\n"}
    assert corpus.split_rule == "its own files"


def test_rows_that_end_in_newlines_keep_one(folder: Path) -> None:
    parquet(folder / "train-0.parquet", {"line": ["", " = Title = \n", "a\u2028b", "last"], "n": [1, 2, 3, 4]})
    corpus = load_corpus(hub=str(folder), text_column="line", test_part=True)
    assert "".join(corpus.splits.values()) == "\n = Title = \na\u2028b\nlast\n"
    assert list(corpus.splits) == ["train", "valid", "test"]
    assert "80%" in corpus.split_rule


def test_a_test_split_alone_stays(folder: Path) -> None:
    (folder / "train.txt").write_text("0123456789" * 2)
    (folder / "test.txt").write_text("end")
    corpus = load_corpus(hub=str(folder), test_part=True)
    assert corpus.splits == {"train": "012345678901234567", "valid": "89\n", "test": "end\n"}


def test_columns_that_are_no_text(folder: Path) -> None:
    parquet(folder / "train.parquet", {"texts": ["a", "b"], "n": [1, 2], "holes": ["a", None], "blank": ["", ""]})
    for column, message in {
        "text": "has no column 'text' .did you mean 'texts'.*; set text_column",
        "n": "a row is int, not text",
        "holes": "a row is NoneType, not text",
        "blank": "column 'blank' of split 'train' is empty",
    }.items():
        with pytest.raises(UserError, match=message):
            load_corpus(hub=str(folder), text_column=column)


def test_what_cannot_be_loaded_is_one_line(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^hub dataset '.*set' cannot be loaded: \S"):
        load_corpus(hub=str(folder))  # an empty folder
    (folder / "test.txt").write_text("only this")
    with pytest.raises(UserError, match=r"has no split 'train' \(known: test\)"):
        load_corpus(hub=str(folder))


def test_offline(tmp_path: Path) -> None:
    code = """
from rnnzoo.data import load_corpus
from rnnzoo.errors import UserError
for hub in ("org/dataset", "org/dataset:config"):
    try:
        load_corpus(hub=hub)
    except UserError as error:
        print(error)
"""
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    lines = result.stdout.splitlines()
    assert [line[: line.index(": ")] for line in lines] == [
        "hub dataset 'org/dataset' cannot be loaded",
        "hub dataset 'org/dataset:config' cannot be loaded",
    ]


def test_pairs_become_aligned_files(folder: Path, tmp_path: Path) -> None:
    rows = [{"en": "one\ntwo", "fr": "un deux"}, {"en": "", "fr": "é"}]
    parquet(folder / "train.parquet", {"translation": rows})
    parquet(folder / "validation.parquet", {"translation": rows[1:]})
    fetch_hub_pairs(str(folder), tmp_path / "out", ("en", "fr"))
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "train.en": "one two\n\n",
        "train.fr": "un deux\né\n",
        "valid.en": "\n",
        "valid.fr": "é\n",
    }
    parquet(folder / "train.parquet", {"other": ["x"]})
    (folder / "validation.parquet").unlink()
    with pytest.raises(UserError, match="has no column 'translation'"):
        fetch_hub_pairs(str(folder), tmp_path / "out", ("en", "fr"))
