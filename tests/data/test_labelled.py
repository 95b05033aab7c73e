"""Texts with labels: read from everything they come in, no text on two sides, each label in all parts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import small_texts
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.data.labelled import Labelled, load_labelled
from rnnzoo.data.labelled_batches import EncodedTexts, TextLoader
from rnnzoo.data.labelled_files import Row
from rnnzoo.data.labelled_parts import apart, once, some, stratified
from rnnzoo.errors import UserError
from rnnzoo.text import CharTokenizer
from rnnzoo.training import LabelledData

ROWS = small_texts.texts(120)


def texts_of(part: Labelled) -> list[tuple[str, str]]:
    return [(text, label) for text, (label,) in zip(part.texts, part.labels, strict=True)]


def test_the_same_texts_from_every_form(tmp_path: Path) -> None:
    csv = small_texts.write(tmp_path, 120)
    tsv, plain, jsonl = tmp_path / "t.tsv", tmp_path / "plain.tsv", tmp_path / "t.jsonl"
    tsv.write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in ROWS))
    plain.write_text("".join(f"{text}\tx\t{label}\n" for text, label in ROWS))
    jsonl.write_text("".join(json.dumps({"label": label, "text": text}) + "\n" for text, label in ROWS))
    found = [load_labelled(files=[path]) for path in (csv, tsv, jsonl)]
    found.append(load_labelled(files=[plain], columns=(1, 3)))
    folder = tmp_path / "shapes"
    folder.mkdir()
    for name in small_texts.LETTERS:
        (folder / f"{name}.txt").write_text("".join(f"{text}\n" for text, label in ROWS if label == name))
    by_file = load_labelled(files=[folder])
    for corpus in found:
        assert corpus.labels == by_file.labels == ("plain", "round", "sharp")
        assert corpus.sha256 == found[0].sha256
        for split in ("train", "valid"):  # whatever the order in the files
            assert sorted(texts_of(corpus.splits[split])) == sorted(texts_of(by_file.splits[split]))
    assert sum(len(part.texts) for part in found[0].splits.values()) == 120


def test_numbers_are_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"text": f"text {n}", "label": n % 2}) + "\n" for n in range(20)))
    assert load_labelled(files=[path]).labels == ("0", "1")


def test_several_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("text\tlabel\n" + "".join(f"t {n}\t{['a', 'b|a', '', 'b'][n % 4]}\n" for n in range(40)))
    corpus = load_labelled(files=[path], separator="|")
    assert corpus.several
    assert corpus.labels == ("a", "b")
    assert Counter(corpus.splits["train"].labels).keys() == {("a",), ("a", "b"), (), ("b",)}


WORDS = st.lists(st.tuples(st.sampled_from(["a b", "c", " a  b", "d e f", "g", "h", "i"]), st.sampled_from("xyz")))


@settings(deadline=None, max_examples=60)
@given(train=WORDS, test=WORDS, seed=st.integers(0, 5))
def test_no_text_is_on_two_sides(train: list[tuple[str, str]], test: list[tuple[str, str]], seed: int) -> None:
    rows = {role: [Row(t, (label,), "f", "line 1") for t, label in part] for role, part in
            (("train", train), ("test", test))}  # fmt: skip
    parts, _ = apart(once(rows)[0])
    try:
        parts, _ = stratified(parts, test_part=False, seed=seed, name="x")
    except UserError:
        return
    said = [{" ".join(row.text.split()) for row in part} for part in parts.values()]
    assert not said[0] & said[1]
    assert not (said[0] | said[1]) & said[2]
    assert len(parts["test"]) == len(test)  # what others count stays
    kept = Counter((" ".join(row.text.split()), row.labels) for row in [*parts["train"], *parts["valid"]])
    assert set(kept.values()) <= {1}


def test_each_label_is_in_all_parts_as_in_the_whole() -> None:
    rows = [Row(f"{label} {n}", (label,), "f", "1") for label, count in (("a", 400), ("b", 30), ("c", 3), ("d", 2))
            for n in range(count)]  # fmt: skip
    parts, rule = stratified({"train": rows}, test_part=True, seed=0, name="x")
    counts = {role: Counter(row.labels[0] for row in part) for role, part in parts.items()}
    assert counts["valid"] == counts["test"] == {"a": 40, "b": 3, "c": 1}
    assert counts["train"] == {"a": 320, "b": 24, "c": 1, "d": 2}
    assert "10% validation and 10% test" in rule
    again, _ = stratified({"train": rows[::-1]}, test_part=True, seed=0, name="x")
    assert {row.text for row in again["valid"]} == {row.text for row in parts["valid"]}
    other, _ = stratified({"train": rows}, test_part=True, seed=1, name="x")
    assert {row.text for row in other["valid"]} != {row.text for row in parts["valid"]}
    few, more = some(rows, 20, 0), some(rows, 100, 0)
    assert set(few) <= set(more)
    assert Counter(row.labels[0] for row in few) == {"a": 18, "b": 1, "c": 1, "d": 1}


@pytest.mark.parametrize(
    ("content", "test", "message"),
    [
        ("text,label\n", None, "no texts|too few"),
        ("text,label\na,x\nb,x\nc,x\nd,x\n", None, "nothing to tell apart"),
        ("text,label\na,x\nb,\n", None, r"t\.csv, line 3: the label is blank"),
        ("txt,label\na,x\n", None, "has no column 'text'"),
        ("text,label\n" + "".join(f"t{n},{'xy'[n % 2]}\n" for n in range(30)), "text,label\nq,x\nr,z\n",
         r"test\.csv, line 3: the label 'z' is none of the training part's \(known: x, y"),
        ("text,label\n" + "".join(f"t{n},l{n}\n" for n in range(30)), None, "is that the column of the labels"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned(tmp_path: Path, content: str, test: str | None, message: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    files = []
    if test is not None:
        (tmp_path / "test.csv").write_text(test)
        files = [tmp_path / "test.csv"]
    with pytest.raises(UserError, match=message) as caught:
        load_labelled(files=[tmp_path / "t.csv"], test_files=files)
    assert "\n" not in str(caught.value)


def test_a_table_and_a_text_do_not_go_together(tmp_path: Path) -> None:
    table = small_texts.write(tmp_path, 10)
    (tmp_path / "a.txt").write_text("one\n")
    with pytest.raises(UserError, match=r"a\.txt: tables, and files of one label each"):
        load_labelled(files=[table, tmp_path / "a.txt"])


@pytest.mark.parametrize(
    ("name", "counts", "labels"),
    [
        ("names", (14_398, 1_807, 1_807), 18),
        ("sst2", (6_909, 872, 1_821), 2),
        ("banking77", (8_992, 1_000, 3_080), 77),
        pytest.param("languages", (118_342, 12_818, 12_828), 6, marks=pytest.mark.slow),
    ],
)
def test_the_catalogue(data_dir: Path, name: str, counts: tuple[int, ...], labels: int) -> None:
    corpus = load_labelled(name)
    assert tuple(len(part.texts) for part in corpus.splits.values()) == counts
    assert len(corpus.labels) == labels
    seen = [{" ".join(text.split()) for text in part.texts} for part in corpus.splits.values()]
    assert not seen[0] & seen[1]
    assert not (seen[0] | seen[1]) & seen[2]


# ------------------------------------------------------------------------------------------------- batches

LETTERS = CharTokenizer(list("abcdefgh "))


def encoded(count: int = 40, **options: object) -> EncodedTexts:
    rows = small_texts.texts(count)
    part = Labelled([text for text, _ in rows], [(label,) for _, label in rows])
    return EncodedTexts(part, ("plain", "round", "sharp"), LETTERS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_each_text_once_an_epoch(ranks: int) -> None:
    texts = encoded()
    loaders = [TextLoader(texts, 60, rank=rank, world_size=ranks, seed=2) for rank in range(ranks)]
    batches = [list(loader) for loader in loaders]
    assert len({len(one) for one in batches}) == 1
    rows = sorted(i for one in batches for batch in one for i in batch.indices.tolist() if i >= 0)
    assert rows == list(range(40))
    known = small_texts.texts(40)
    for batch in (batch for one in batches for batch in one if batch.num_targets):
        assert batch.tokens.numel() <= 60 or len(batch.tokens) == 1
        for row, length, target, index in zip(
            batch.tokens, batch.lengths.tolist(), batch.targets.tolist(), batch.indices.tolist(), strict=True
        ):
            text, label = known[index]
            assert LETTERS.decode(row[:length]) == text
            assert not row[length:].any()
            assert ("plain", "round", "sharp")[target] == label


def test_an_empty_batch_and_an_empty_text() -> None:
    empty = encoded().batch(np.empty(0, np.int64))
    assert (empty.num_targets, empty.indices.tolist(), empty.targets.tolist()) == (0, [-1], [-100])
    part = Labelled(["", "ab"], [("x",), ("y",)])
    batch = EncodedTexts(part, ("x", "y"), LETTERS).batch(np.array([0]))
    assert (batch.tokens.shape, batch.lengths.tolist(), batch.num_targets) == ((1, 1), [0], 1)


def test_long_texts_are_cut_in_training_alone(tmp_path: Path) -> None:
    data = LabelledData(files=(str(small_texts.write(tmp_path, 60)),), max_tokens=4)
    assert data.texts("train").lengths.max() == 4
    assert data.texts("train").batch(np.arange(5)).tokens.size(1) <= 4
    assert data.texts("valid").lengths.max() > 4


def test_a_data_module_goes_on_where_it_was(tmp_path: Path) -> None:
    data = LabelledData(files=(str(small_texts.write(tmp_path, 60)),), batch_tokens=80, seed=3)
    loader = data.train_dataloader()
    seen = [batch.indices.tolist() for _, batch in zip(range(3), loader, strict=False)]
    state = data.state_dict()
    other = LabelledData(data.config, seed=3)
    other.load_state_dict(state)
    rest = [batch.indices.tolist() for batch in other.train_dataloader()]
    assert sorted(i for rows in [*seen, *rest] for i in rows) == list(range(len(data.texts("train"))))
    with pytest.raises(UserError, match="the checkpoint is of a training on other batches: seed was 3, is now 4"):
        LabelledData(data.config, seed=4).load_state_dict(state)
