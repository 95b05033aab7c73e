"""Folders that `save_to_disk` wrote, named with ``--hub`` or ``--text``; pairs of languages other than en and fr."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rnnzoo.data import build_shards, load_corpus, load_pairs, load_shards
from rnnzoo.errors import UserError

datasets = pytest.importorskip("datasets", reason="`datasets` is not installed")

LINES = ["naïve", "", "日本語\n", *map(str, range(40))]
TEXT = "".join(line if line.endswith("\n") else line + "\n" for line in LINES)
CS = [f"věta {n}" for n in range(20)]
DE = [f"Satz {n}" for n in range(20)]


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A dataset without splits."""
    datasets.Dataset.from_dict({"id": list(range(len(LINES))), "text": LINES}).save_to_disk(tmp_path / "one")
    return tmp_path / "one"


@pytest.mark.parametrize("by", ["hub", "text"])
def test_a_text_without_splits(one: Path, by: str, tmp_path: Path) -> None:
    corpus = load_corpus(hub=str(one)) if by == "hub" else load_corpus(files=[one])
    assert "".join(str(part) for part in corpus.splits.values()) == TEXT
    assert (list(corpus.splits), corpus.name) == (["train", "valid"], "one")
    build_shards(tmp_path / "made", **({"hub": str(one)} if by == "hub" else {"files": [one]}))
    assert load_shards(tmp_path / "made").sha256 == corpus.sha256


def test_a_text_with_splits_of_its_own(tmp_path: Path) -> None:
    parts = {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}
    saved = datasets.DatasetDict({part: datasets.Dataset.from_dict({"line": rows}) for part, rows in parts.items()})
    saved.save_to_disk(tmp_path / "dict")
    corpus = load_corpus(files=[str(tmp_path / "dict")], text_column="line")
    assert corpus.splits == {"train": "a\nb\n", "valid": "c\n", "test": "d\n"}
    with pytest.raises(UserError, match="has no column 'text'"):
        load_corpus(hub=str(tmp_path / "dict"))


@pytest.mark.parametrize("kind", ["columns", "translation"])
@pytest.mark.parametrize("saved", [True, False])
def test_pairs_of_other_languages(kind: str, saved: bool, tmp_path: Path) -> None:
    rows = {"cs": CS, "de": DE}
    if kind == "translation":
        rows = {"translation": [{"cs": cs, "de": de} for cs, de in zip(CS, DE, strict=True)]}  # type: ignore[dict-item]
    table = datasets.Dataset.from_dict(rows)
    if saved:
        datasets.DatasetDict({"train": table, "test": table.select([3, 1])}).save_to_disk(tmp_path / "set")
    else:
        (tmp_path / "set").mkdir()
        table.to_parquet(tmp_path / "set/train.parquet")
        table.select([3, 1]).to_parquet(tmp_path / "set/test.parquet")
    for src, tgt, side in (("cs", "de", 0), ("de", "cs", 1)):
        pairs = load_pairs(hub=str(tmp_path / "set"), src=src, tgt=tgt)
        assert pairs.splits["test"][side] == [CS[3], CS[1]]
        assert pairs.splits["test"][1 - side] == [DE[3], DE[1]]
        assert pairs.splits["train"][side] + pairs.splits["valid"][side] == CS
        assert pairs.name.endswith(f"set {src}-{tgt}")
    with pytest.raises(UserError, match="has no language 'fr'"):
        load_pairs(hub=str(tmp_path / "set"), src="cs", tgt="fr")


@pytest.mark.parametrize("harm", ["cut", "state", "missing", "fifo"])
def test_a_damaged_folder_is_one_line(one: Path, harm: str) -> None:
    (data,) = one.glob("*.arrow")
    if harm == "cut":
        data.write_bytes(data.read_bytes()[:200])
    elif harm == "state":
        (one / "state.json").write_text(json.dumps({"_data_files": 3}))
    else:
        data.unlink()
        if harm == "fifo":
            os.mkfifo(data)
    with pytest.raises(UserError) as caught:
        load_corpus(hub=str(one))
    assert "\n" not in str(caught.value)
