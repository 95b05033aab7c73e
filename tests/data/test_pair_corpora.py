"""Pairs of sentences from everywhere that they can come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.data import CATALOGUE, find_corpus
from rnnzoo.data.cleaning import CleaningConfig, plain_spaces
from rnnzoo.data.pair_files import grouped_pairs
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.data.plain_text import TextForm
from rnnzoo.data.sources import CorpusEntry, CorpusFile, hashed_part
from rnnzoo.errors import UserError

CLEAN = CleaningConfig()
PARTS = ("train", "valid", "test")
LINES = [f"line {number}" for number in range(20)]
RANGS = [f"rang {number}" for number in range(20)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines, or bytes, to a file."""

    def make(name: str, content: list[str] | bytes) -> Path:
        data = content if isinstance(content, bytes) else "".join(f"{line}\n" for line in content).encode()
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return make


def sizes(corpus: PairCorpus) -> dict[str, int]:
    assert all(len(sources) == len(targets) for sources, targets in corpus.splits.values())
    assert {role: len(found) for role, found in corpus.references.items()} == {
        role: len(pairs[0]) for role, pairs in corpus.splits.items() if role != "train"
    }
    return {role: len(sources) for role, (sources, _) in corpus.splits.items()}


def have(name: str) -> None:
    try:
        find_corpus(CATALOGUE[name])
    except UserError as error:
        pytest.skip(str(error))


# ------------------------------------------------------------------------------------------ the catalogue

MULTI30K = {  # what the models on record name
    ("en", "fr"): "1f82443cf5b07c166e725a26f58eb9b956101ad61ac3e838cfe7575159f4bff5",
    ("en", "de"): "f362111d266b423c44cb3137d8ad5bf690ff533f54c3973e4c3176340baa2330",
    ("de", "en"): "f7335c4d6d8b04840c9f2e5295f49d2a11784a3ba5b80690d7478935d4d88e6f",
}


@pytest.mark.parametrize("direction", MULTI30K)
def test_multi30k(direction: tuple[str, str]) -> None:
    have("multi30k")
    corpus = load_pairs("multi30k", src=direction[0], tgt=direction[1], cleaning=CLEAN)
    assert sizes(corpus) == {"train": 29_000, "valid": 1014, "test": 1000}
    assert corpus.sha256 == MULTI30K[direction]
    assert corpus.summary == "29,000 training pairs, none left out"
    assert (corpus.src_lang, corpus.tgt_lang) == direction
    assert corpus.name == f"multi30k {direction[0]}-{direction[1]}"
    assert corpus.research_only
    assert corpus.references["test"] == [[target] for target in corpus.splits["test"][1]]
    assert all(plain_spaces(text) == text for pairs in corpus.splits.values() for side in pairs for text in side)


def test_tatoeba_is_cut_by_english_sentence() -> None:
    have("tatoeba-eng-fra")
    corpus = load_pairs("tatoeba-eng-fra", cleaning=CLEAN)
    assert (corpus.src_lang, corpus.tgt_lang) == ("en", "fr")
    assert sizes(corpus) == {"train": 136_964, "valid": 1988, "test": 2007}
    english = {role: set(sources) for role, (sources, _) in corpus.splits.items()}
    assert not english["train"] & english["valid"]
    assert not english["train"] & english["test"]
    assert not english["valid"] & english["test"]
    for role in ("valid", "test"):
        sources, targets = corpus.splits[role]
        assert len(set(sources)) == len(sources)
        assert [found[0] for found in corpus.references[role]] == targets
        assert all(len(set(found)) == len(found) for found in corpus.references[role])
    # no French side of the file is lost: five pairs are there twice
    references = sum(len(found) for role in ("valid", "test") for found in corpus.references[role])
    assert 142_787 - 20 <= references + 136_964 <= 142_787
    assert max(len(found) for found in corpus.references["test"]) > 10


@pytest.mark.parametrize(("code", "train"), [("fra", 136_284), ("deu", 156_543), ("nld", 48_457)])
def test_grouped_parts_share_no_sentence_in_any_direction(code: str, train: int) -> None:
    name = f"tatoeba-eng-{code}"
    have(name)
    hashed, grouped = (load_pairs(name, split=split, cleaning=CLEAN) for split in ("hashed", "grouped"))
    assert sizes(grouped)["train"] == train
    assert grouped.splits["test"] == hashed.splits["test"]
    assert grouped.references["test"] == hashed.references["test"]
    backwards = load_pairs(name, src=CATALOGUE[name].languages[1], split="grouped", cleaning=CLEAN)
    for corpus in (grouped, backwards):
        for side in (0, 1):
            seen = [set(pairs[side]) for pairs in corpus.splits.values()]
            assert sum(map(len, seen)) == len(set().union(*seen))
    both = [set(zip(*corpus.splits["train"], strict=True)) for corpus in (grouped, backwards)]
    assert both[0] == {(one, other) for other, one in both[1]}


def test_a_translation_of_two_parts_goes_to_the_last() -> None:
    """By hand: "a", "b" and "c" stand for English sentences of training, validation and test."""
    english = {part: next(f"s{i}" for i in range(999) if hashed_part(f"s{i}") == part) for part in PARTS}
    pairs = [(english["train"], "1"), (english["test"], "1"), (english["valid"], "2"), (english["train"], " 2")]
    pairs += [(english["train"], "3"), (english["valid"], "4"), (english["test"], "4")]
    cut = grouped_pairs(*zip(*pairs, strict=True))  # type: ignore[arg-type]
    assert cut["train"] == ([english["train"]], ["3"])
    assert cut["valid"] == ([english["valid"]], ["2"])
    assert cut["test"] == ([english["test"]] * 2, ["1", "4"])


def test_numbers() -> None:
    corpus = load_pairs("numbers-en-fr", cleaning=CLEAN)
    assert sizes(corpus) == {"train": 26_114, "valid": 1000, "test": 1000}
    assert not corpus.research_only
    turned = load_pairs("numbers-en-fr", tgt="en")
    assert turned.splits["test"] == corpus.splits["test"][::-1]
    assert turned.sha256 != corpus.sha256


def test_files_of_the_catalogue_that_are_got_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WMT's layout, on a small stand-in."""
    texts = {f"{role}.{side}": f"{role} {side}\n" * 3 for role in ("train", "valid", "test") for side in ("en", "fr")}
    (tmp_path / "wmt14").mkdir()
    for name, text in texts.items():
        (tmp_path / "wmt14" / name).write_text(text)
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))
    corpus = load_pairs("wmt14")
    assert corpus.splits["train"] == (["train fr"] * 3, ["train en"] * 3)  # the order that is meant
    assert load_pairs("wmt14", src="en").splits["test"] == (["test en"] * 3, ["test fr"] * 3)


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = CorpusFile("fra.txt", 4, hashlib.sha256(b"a\tb\n").hexdigest())
    entry = CorpusEntry("own", "pairs", "hashed", "none", "own", (file,), languages=("en", "fr"))
    monkeypatch.setitem(CATALOGUE, "own", entry)
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "fra.txt").write_text("a\tc\n")
    with pytest.raises(UserError, match=r"fra\.txt: is not the file of the catalogue"):
        load_pairs("own")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give one of"),
        ({"name": "multi30k", "hub": "a/b"}, "give one of"),
        (
            {"name": "multi30k", "split": "grouped", "src": "en", "tgt": "de"},
            "has no split 'grouped', the catalogue's own",
        ),
        ({"name": "tatoeba-eng-fra", "split": "drawn"}, "has no split 'drawn', hashed or grouped"),
        ({"files": ("a", "b"), "split": "grouped"}, "split is for corpora of the catalogue"),
        ({"name": "sst2"}, "corpus 'sst2' is texts with labels"),
        ({"name": "multi30q"}, r"unknown corpus 'multi30q' \(did you mean 'multi30k'"),
        (
            {"name": "ptb"},
            r"corpus 'ptb' is running text; .*known: multi30k, multi30k-cs, numbers-en-fr, tatoeba-eng-cmn, ",
        ),
        ({"name": "multi30k"}, "corpus 'multi30k' has en, de, fr: say from which to which"),
        ({"name": "multi30k", "src": "en"}, "say from which to which"),
        ({"name": "multi30k", "src": "en", "tgt": "it"}, r"has no language 'it' \(tgt\), only en, de, fr"),
        ({"name": "multi30k", "src": "en", "tgt": "en"}, "src and tgt are both 'en'"),
        ({"name": "tatoeba-eng-fra", "src": "de"}, r"has no language 'de' \(src\), only en, fr"),
        ({"name": "tatoeba-eng-fra", "src": "fr", "tgt": "fr"}, "src and tgt are both 'fr'"),
        ({"name": "multi30k", "valid_files": ["a", "b"]}, "go with one's own files"),
        ({"files": ["a", "b"], "src": "en", "tgt": "en"}, "src and tgt are both 'en'"),
        ({"hub": "a/b", "src": "en"}, "a hub dataset needs src and tgt"),
        ({"hub": "a/b", "src": "en", "tgt": "en"}, "src and tgt are both 'en'"),
    ],
)
def test_what_is_asked_for_is_not_there(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_pairs(**fields)


# ------------------------------------------------------------------------------------------ one's own pairs


def test_two_files(write: Callable[..., Path]) -> None:
    files = [write("a.en", LINES), write("a.fr", b"\xef\xbb\xbf" + "\n".join(RANGS).encode())]  # a BOM, no last newline
    corpus = load_pairs(files=files, src="en", tgt="fr", cleaning=CLEAN)
    assert corpus.splits == {"train": (LINES[:18], RANGS[:18]), "valid": (LINES[18:], RANGS[18:])}
    assert (corpus.name, corpus.src_lang, corpus.tgt_lang) == ("a.en", "en", "fr")
    assert corpus.split_rule == "contiguous: the last 10% is validation"
    three = load_pairs(files=files, test_part=True)
    assert sizes(three) == {"train": 16, "valid": 2, "test": 2}
    assert three.splits["test"] == (LINES[18:], RANGS[18:])
    assert "80%" in three.split_rule
    assert three.sha256 != corpus.sha256


def test_files_for_each_part(write: Callable[..., Path]) -> None:
    train, valid, test = ([write(f"{name}.{side}", [f"{name} {side}"]) for side in "ab"] for name in ("x", "v", "t"))
    corpus = load_pairs(files=train, valid_files=valid, test_files=test, test_part=True)
    assert corpus.splits == {"train": (["x a"], ["x b"]), "valid": (["v a"], ["v b"]), "test": (["t a"], ["t b"])}
    assert corpus.split_rule == "its own files"
    table = write("v.tsv", ["v a\tv b"])
    many = write("x.tsv", [f"{line}\t{rang}" for line, rang in zip(LINES, RANGS, strict=True)])
    corpus = load_pairs(tsv=many, test_files=[table])
    assert sizes(corpus) == {"train": 18, "valid": 2, "test": 1}
    with pytest.raises(UserError, match="are a table each; 2 are given"):
        load_pairs(tsv=table, valid_files=valid)


def test_columns_of_a_table(write: Callable[..., Path]) -> None:
    table = write(
        "t.tsv", [f"{n}\t{line}\tCC-BY\t{rang}" for n, (line, rang) in enumerate(zip(LINES, RANGS, strict=True))]
    )
    assert load_pairs(tsv=table, columns=(2, 4)).splits["valid"] == (LINES[18:], RANGS[18:])
    assert load_pairs(tsv=table, columns=(4, 2)).splits["valid"] == (RANGS[18:], LINES[18:])


def test_lines_end_at_newlines_alone(write: Callable[..., Path]) -> None:
    """Of any system; what else Unicode calls a line end is a space."""
    odd = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g h"
    files = [write("a", [odd] * 10), write("b", ["x\r"] * 10)]
    assert load_pairs(files=files).splits["train"] == ([odd] * 9, ["x"] * 9)
    assert load_pairs(files=files, form=TextForm(newlines="keep")).splits["train"] == ([odd] * 9, ["x\r"] * 9)
    cleaned = load_pairs(files=files, cleaning=CLEAN).splits["train"]
    assert cleaned == (["a b c d e f g h"] * 9, ["x"] * 9)


def test_cleaning_says_what_it_left_out(write: Callable[..., Path]) -> None:
    lines, rangs = [*LINES], [*RANGS]
    lines[3], rangs[5], lines[7], rangs[7], lines[19] = "", "\u00a0", " ", "", ""
    files = [write("a", lines), write("b", rangs)]
    corpus = load_pairs(files=files, cleaning=CLEAN)
    assert sizes(corpus) == {"train": 15, "valid": 1}
    assert corpus.summary == (
        "15 training pairs, 2 left out: 2 blank on one side; valid: 1 left out: 1 blank on one side"
    )
    lines[18] = ""
    with pytest.raises(UserError, match=r"^a: cleaning leaves no pair of the part 'valid'"):
        load_pairs(files=[write("a", lines), files[1]], cleaning=CLEAN)


def bad(write: Callable[..., Path]) -> Mapping[str, tuple[dict[str, Any], str]]:
    """What is wrong, how it is asked for, and what must be said of it."""
    good, longer = write("good", LINES), write("longer", [*RANGS, "more"])
    holes = write("holes", [*RANGS[:6], " ", *RANGS[7:]])
    table = [f"{line}\t{rang}" for line, rang in zip(LINES, RANGS, strict=True)]
    return {
        "lengths": ({"files": [good, longer]}, f"{good}: has 20 lines, and {longer} has 21: line n must"),
        "empty": ({"files": [good, write("empty", b"")]}, "empty: is empty"),
        "missing": ({"files": [good, good.with_name("none")]}, "none: no such file"),
        "folder": ({"files": [good.parent, good]}, "is a folder"),
        "latin-1": ({"files": [good, write("latin", b"caf\xe9\n" * 20)]}, "latin, byte 3: is not UTF-8"),
        "blank target": ({"files": [good, holes]}, "holes, line 7: the target is blank and its source is not"),
        "blank source": ({"files": [holes, good]}, "holes, line 7: the source is blank and its target is not"),
        "one file": ({"files": [good]}, "pairs are in two files, source and target; 1 is given"),
        "three files": ({"files": [good] * 3}, "pairs are in two files, source and target; 3 are given"),
        "too few": (
            {"files": [write("one", ["a"]), write("uno", ["b"])]},
            "one: 1 pair is too few to cut into train",
        ),
        "a column more": (
            {"tsv": write("more.tsv", [*table[:4], "a\tb\tc", *table[4:]])},
            "more.tsv, line 5: has 3 columns, line 1 has 2",
        ),
        "a column more behind a blank line": (
            {"tsv": write("hole.tsv", [*table, "", "a\tb\tc"])},
            "hole.tsv, line 22: has 3 columns, line 1 has 2",
        ),
        "nothing but blank lines": ({"tsv": write("blank.tsv", ["", " "])}, "blank.tsv: holds no pairs"),
        "one column": ({"tsv": good}, "good, line 1: has 1 column, separated by tabs; those to read are 1 and 2"),
        "no column 0": (
            {"tsv": write("t.tsv", table), "columns": (0, 1)},
            "t.tsv, line 1: has 2 columns, separated by tabs; those to read are 0 and 1",
        ),
        "blank in a table": (
            {"tsv": write("b.tsv", [*table[:1], "a\t", *table])},
            "b.tsv, line 2: the target is blank and its source is not",
        ),
    }


def test_bad_files_are_told_in_one_line(write: Callable[..., Path]) -> None:
    for what, (fields, message) in bad(write).items():
        with pytest.raises(UserError) as caught:
            load_pairs(**fields)
        assert message in str(caught.value), what
        assert caught.value.exit_code == 2


def test_a_blank_line_is_no_pair_wherever_it_stands(write: Callable[..., Path]) -> None:
    table = [f"{line}\t{rang}" for line, rang in zip(LINES, RANGS, strict=True)]
    holes = [*table[:3], "", " ", *table[3:], "\t", ""]
    files = [write("a", [*LINES[:3], "", *LINES[3:]]), write("b", [*RANGS[:3], " ", *RANGS[3:]])]
    whole = load_pairs(files=[write("c", LINES), write("d", RANGS)]).splits
    for cleaning in (None, CLEAN):
        assert load_pairs(tsv=write("t.tsv", holes), cleaning=cleaning).splits == whole
        assert load_pairs(files=files, cleaning=cleaning).splits == whole
        assert load_pairs(files=files, valid_files=files, cleaning=cleaning).splits["valid"] == (LINES, RANGS)


def test_what_is_too_long_for_a_sentence(write: Callable[..., Path]) -> None:
    """In training and in validation: left out and said, or refused where nothing may be left out."""
    lines = [*LINES, "word " * 200_000]
    lines[0] = lines[-1]
    files = [write("a", lines), write("b", [*RANGS, "mot"])]
    corpus = load_pairs(files=files, cleaning=CLEAN)
    assert sizes(corpus) == {"train": 17, "valid": 2}
    assert corpus.summary.endswith("valid: 1 left out: 1 longer than 4,000 characters")
    with pytest.raises(UserError, match=r"train part, pair 1: a sentence of 1,000,000 characters"):
        load_pairs(files=files)


def test_tables_whose_columns_have_names(tmp_path: Path) -> None:
    rows = list(zip(LINES, RANGS, strict=True))
    parquet(tmp_path / "p.parquet", {"id": [*range(20)], "en": LINES, "fr": RANGS})
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"fr": r, "en": line}) + "\n" for line, r in rows))
    (tmp_path / "p.csv").write_text("en,fr\n" + "".join(f'"{line}","{r}"\n' for line, r in rows))
    for end in ("parquet", "jsonl", "csv"):
        corpus = load_pairs(tsv=tmp_path / f"p.{end}", src="en", tgt="fr", cleaning=CLEAN)
        assert corpus.splits["train"] == (LINES[:18], RANGS[:18]), end
        with pytest.raises(UserError, match=r"p\.[a-z]+.*: has no column 'de'"):
            load_pairs(tsv=tmp_path / f"p.{end}", src="en", tgt="de")
        with pytest.raises(UserError, match="say which columns to read"):
            load_pairs(tsv=tmp_path / f"p.{end}")


# ------------------------------------------------------------------------------------------ hub datasets


def parquet(path: Path, columns: dict[str, list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)


def test_a_hub_dataset_of_translations(tmp_path: Path) -> None:
    """As WMT and OPUS are kept: one column of dictionaries."""
    rows = [{"en": line, "fr": rang} for line, rang in zip(LINES, RANGS, strict=True)]
    for role in ("train", "validation", "test"):
        parquet(tmp_path / "set" / f"{role}.parquet", {"translation": rows[: 20 if role == "train" else 3]})
    corpus = load_pairs(hub=str(tmp_path / "set"), src="fr", tgt="en", cleaning=CLEAN)
    assert corpus.splits["train"] == (RANGS, LINES)
    assert sizes(corpus) == {"train": 20, "valid": 3, "test": 3}
    assert corpus.split_rule == "its own files"
    assert corpus.name.endswith("set fr-en")
    with pytest.raises(UserError, match=r"has no language 'de' \(known: en, fr\); set src and tgt"):
        load_pairs(hub=str(tmp_path / "set"), src="fr", tgt="de")


def test_a_hub_dataset_of_two_columns(tmp_path: Path) -> None:
    english = ["two\nlines", *LINES[1:]]
    parquet(tmp_path / "set" / "train.parquet", {"id": [*range(20)], "english": english, "french": RANGS})
    corpus = load_pairs(hub=str(tmp_path / "set"), src="english", tgt="french", test_part=True)
    assert sizes(corpus) == {"train": 16, "valid": 2, "test": 2}
    assert corpus.splits["train"][0][0] == "two lines"
    for fields, message in (
        ({"src": "english", "tgt": "frensh"}, r"no language 'frensh' \(known: english, french, id"),
        ({"src": "english", "tgt": "id"}, r"split 'train', row 1: 'id' is int, not text"),
    ):
        with pytest.raises(UserError, match=message):
            load_pairs(hub=str(tmp_path / "set"), **fields)


def test_rows_of_a_hub_dataset_that_will_not_do(tmp_path: Path) -> None:
    rows = [{"en": "a", "fr": "b"}] * 3
    for number, (row, message) in enumerate(
        {
            "none": (None, "split 'train', row 4: 'en' is NoneType, not text"),
            "half": ({"en": "a", "fr": None}, "split 'train', row 4: 'fr' is NoneType, not text"),
            "blank": ({"en": "a", "fr": " "}, "split 'train', row 4: the target is blank and its source is not"),
        }.values()
    ):
        folder = tmp_path / str(number)
        parquet(folder / "train.parquet", {"translation": [*rows, row]})
        with pytest.raises(UserError, match=message):
            load_pairs(hub=str(folder), src="en", tgt="fr")
