from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnzoo.data import CATALOGUE, corpus_entry, find_corpus, load_corpus
from rnnzoo.data.pair_files import catalogue_pairs
from rnnzoo.data.sources import CorpusEntry, CorpusFile, hashed_part
from rnnzoo.errors import UserError

NAMES = [
    *("pydocs", "numbers-en-fr", "tinyshakespeare", "war-and-peace", "ptb", "ptb-char", "wikitext-2"),
    *("multi30k", "multi30k-cs", *(f"tatoeba-eng-{code}" for code in ("fra", "deu", "nld", "jpn", "cmn"))),
    *("faust", "quijote", "kalevala", "kanteletar", "germinal", "commedia", "soseki", "pan-tadeusz", "lusiadas"),
    *("machado", "nine-languages", "sst2", "banking77", "names", "languages"),
    *("open-texts", "wikitext-103", "text8", "enwik8", "wmt14"),
]

# characters of each split and distinct ones in training, on the real files
COUNTS = {
    "tinyshakespeare": ((1_003_854, 111_540), 65),
    "war-and-peace": ((2_876_591, 319_622), 82),
    "ptb": ((5_101_618, 399_782, 449_945), 50),
    "ptb-char": ((5_017_482, 393_042, 442_423), 50),
    "wikitext-2": ((10_780_437, 1_120_192, 1_255_018), 283),
    "faust": ((170_435, 18_938), 72),
    "kalevala": ((491_035, 54_560), 50),
    "soseki": ((588_211, 65_359), 3_241),
    "nine-languages": ((8_278_604, 850_843), 3_350),
    "open-texts": ((13_336_157, 630_814), 123),
}


@pytest.fixture
def own(tmp_path: Path) -> Callable[[bytes], Path]:
    """A file with the given bytes."""

    def write(content: bytes, name: str = "own.txt") -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.fixture
def small_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts an entry into the catalogue, and its files into a data folder of its own."""

    def make(split: str, files: dict[str, bytes], name: str = "small") -> Path:
        made = tuple(
            CorpusFile(f"{role}.txt", len(content), hashlib.sha256(content).hexdigest(), (), role)
            for role, content in files.items()
        )
        entry = CorpusEntry(name, "text", split, "none", "small", made)  # type: ignore[arg-type]
        monkeypatch.setitem(CATALOGUE, name, entry)
        monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))
        (tmp_path / "small").mkdir()
        for role, content in files.items():
            (tmp_path / "small" / f"{role}.txt").write_bytes(content)
        return tmp_path / "small"

    return make


def test_the_catalogue_names_each_corpus_once() -> None:
    assert list(CATALOGUE) == NAMES
    for name, entry in CATALOGUE.items():
        assert entry.name == name
        assert entry.licence
        assert bool(entry.files) == (name not in ("pydocs", "numbers-en-fr"))
        assert len(entry.languages) >= 2 or entry.kind != "pairs"
        assert all(len(language) == 2 for language in entry.languages)
        for file in entry.files:
            assert file.sources or entry.hub
            assert (file.sha256 is None) == (name in ("wikitext-103", "wmt14"))
            assert file.sha256 is None or len(file.sha256) == 64
            if file.sources:
                assert len({source.url for source in file.sources}) > 1, "there is a mirror"
        if entry.kind == "text":
            roles = {file.role for file in entry.files}
            if entry.split == "files":
                assert [file.role for file in entry.files] == ["train", "valid", "test"]
            elif entry.split == "joined":
                assert len(entry.files) > 1
                assert {"all"} <= roles <= {"all", "pairs", "translations"}
            else:
                assert not entry.files or [file.role for file in entry.files] == ["all"]
    closed = {"ptb", "ptb-char", "multi30k", "multi30k-cs", "sst2"}
    assert {name for name, entry in CATALOGUE.items() if entry.research_only} == closed


def test_catalogue_hashes_are_those_of_the_corpora_here(data_dir: Path) -> None:
    seen = 0
    for entry in CATALOGUE.values():
        for file in entry.files:
            path = data_dir / entry.folder / file.path
            if path.is_file() and file.sha256 is not None:
                content = path.read_bytes()
                assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
                seen += 1
    if not seen:
        pytest.skip("none of the corpora is under RNNZOO_DATA")


@pytest.mark.parametrize("name", COUNTS)
def test_real_corpora(name: str, corpus_path: Callable[[str], Path]) -> None:
    for file in CATALOGUE[name].files:
        corpus_path(f"{CATALOGUE[name].folder}/{file.path}".lstrip("/"))  # a joined one has no folder of its own
    corpus = load_corpus(name)
    lengths, alphabet = COUNTS[name]
    assert list(corpus.splits) == ["train", "valid", "test"][: len(lengths)]
    assert tuple(map(len, corpus.splits.values())) == lengths
    assert len(set(corpus.splits["train"])) == alphabet
    assert corpus.research_only == name.startswith("ptb")
    if CATALOGUE[name].split == "contiguous":
        assert corpus.sha256 == CATALOGUE[name].files[0].sha256


def test_open_texts_keep_what_is_held_out_of_each(corpus_path: Callable[[str], Path]) -> None:
    """No model of them has read what models of one of them are scored on."""
    for file in CATALOGUE["open-texts"].files:
        corpus_path(file.path)
    joined = load_corpus("open-texts").splits
    for name in ("tinyshakespeare", "war-and-peace"):
        for role, text in load_corpus(name).splits.items():
            assert text in joined[role]
    pairs = catalogue_pairs(CATALOGUE["tatoeba-eng-fra"], "en", "fr")
    lines = {role: [f"{one}\t{other}" for one, other in zip(*sides, strict=True)] for role, sides in pairs.items()}
    for role in ("train", "valid"):
        assert joined[role].endswith("".join(line + "\n" for line in lines[role]))
    assert not {*joined["train"].split("\n"), *joined["valid"].split("\n")} & set(lines["test"])


def test_character_ptb_is_word_ptb_without_its_outer_spaces(corpus_path: Callable[[str], Path]) -> None:
    for file in (*CATALOGUE["ptb"].files, *CATALOGUE["ptb-char"].files):
        corpus_path(f"ptb/{file.path}")
    words, characters = load_corpus("ptb"), load_corpus("ptb-char")
    for split, text in words.splits.items():
        assert "\n".join(line.strip() for line in text.split("\n")) == characters.splits[split]


def test_pydocs_is_always_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))
    corpus = load_corpus("pydocs")
    text = corpus.splits["train"] + corpus.splits["valid"]
    assert text.startswith('The "assert" statement\n')
    assert len(corpus.splits["train"]) == int(len(text) * 0.9) > 300_000
    assert corpus.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert "the last 10% is validation" in corpus.split_rule


def test_own_files_are_joined_in_order(own: Callable[..., Path]) -> None:
    files = [own(b"one", "a"), own(b"two\r\n", "b"), own(b"\xef\xbb\xbfthree\r", "c"), own(b"four", "d")]
    corpus = load_corpus(files=files)
    text = "one\ntwo\nthree\nfour"
    assert "".join(corpus.splits.values()) == text
    assert corpus.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert corpus.name == "a and 3 more"
    assert load_corpus(files=[str(files[0])]).name == "a"
    assert not corpus.research_only


def test_test_part(own: Callable[..., Path]) -> None:
    path = own("é".encode() * 37)
    assert {k: len(v) for k, v in load_corpus(files=[path], test_part=True).splits.items()} == {
        "train": 29,
        "valid": 4,
        "test": 4,
    }
    assert {k: len(v) for k, v in load_corpus(files=[path]).splits.items()} == {"train": 33, "valid": 4}
    assert "80%" in load_corpus(files=[path], test_part=True).split_rule


@pytest.mark.parametrize(("content", "test_part"), [(b"x", False), (b"xy", True), ("é".encode(), False)])
def test_text_too_short_to_be_cut(content: bytes, test_part: bool, own: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"^own\.txt: \d characters? (is|are) too few to cut into train, valid"):
        load_corpus(files=[own(content)], test_part=test_part)


def test_files_that_cannot_be_read(own: Callable[..., Path], tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "none.txt", "no such file"),
        (tmp_path, "is a folder"),
        (own(b"", "empty"), "is empty"),
        (own(b"\xef\xbb\xbf", "bom"), "is empty"),
        (own(b"ab\xe9", "latin"), "byte 2: is not UTF-8"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            load_corpus(files=[own(b"fine"), path])
        assert str(caught.value).startswith(str(path))


def test_exactly_one_kind_of_corpus(own: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="give one of"):
        load_corpus()
    with pytest.raises(UserError, match="give one of"):
        load_corpus("pydocs", files=[own(b"text")])


def test_names_that_are_no_text_corpus() -> None:
    with pytest.raises(UserError, match=r"unknown corpus 'tinyshakespere' .did you mean 'tinyshakespeare'"):
        load_corpus("tinyshakespere")
    with pytest.raises(UserError, match="pairs of sentences"):
        load_corpus("multi30k")


def test_corpus_that_is_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RNNZOO_DATA", "")
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"^corpus 'ptb' is not here: run `rnnzoo data get ptb`, or set RNNZOO_DATA"):
        load_corpus("ptb")
    (tmp_path / "data" / "ptb").mkdir(parents=True)
    (tmp_path / "data" / "ptb" / "ptb.test.txt").write_text("x")
    with pytest.raises(UserError, match=r"has no ptb\.train\.txt, ptb\.valid\.txt\)"):
        load_corpus("ptb")


def test_the_data_folder_comes_before_the_cache(
    small_corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = small_corpus("contiguous", {"all": b"0123456789"})
    entry = corpus_entry("small")
    assert find_corpus(entry) == folder
    assert load_corpus("small").splits == {"train": "012345678", "valid": "9"}
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path / "cache"))
    there = tmp_path / "cache" / "data" / "small"
    there.parent.mkdir(parents=True)
    folder.rename(there)
    assert find_corpus(entry) == there


def test_a_changed_file_is_refused(small_corpus: Callable[..., Path]) -> None:
    folder = small_corpus("files", {"train": b"aaaa", "valid": b"bb", "test": b"cc"})
    assert load_corpus("small").splits == {"train": "aaaa", "valid": "bb", "test": "cc"}
    (folder / "valid.txt").write_bytes(b"bB")
    with pytest.raises(UserError, match=r"valid\.txt: is not the file of the catalogue \(sha256 [0-9a-f]{12}"):
        load_corpus("small")


def test_byte_cuts_fall_between_characters(small_corpus: Callable[..., Path]) -> None:
    content = ("a" * 179 + "€" + "b" * 6 + "😀" + "c" * 6).encode() + b"\xe2\x82"  # cuts in € and 😀
    small_corpus("90/5/5", {"all": content})
    splits = load_corpus("small").splits
    # the last character may be cut off itself, where a corpus is the first 10^8 bytes of something
    assert splits == {"train": "a" * 179, "valid": "€bbbbbb", "test": "😀cccccc"}


def test_spelt_text_must_be_spelt(small_corpus: Callable[..., Path]) -> None:
    small_corpus("files", {"train": b"a _ \n ", "valid": b"b ", "test": b"cd"}, name="ptb-char")
    with pytest.raises(UserError, match=r"test\.txt: is not character PTB"):
        load_corpus("ptb-char")


def test_heavy_libraries_stay_out() -> None:
    heavy = "('datasets', 'lightning', 'tokenizers', 'rich')"
    code = f"import sys, rnnzoo.data; print(*[m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_an_eighth_of_the_translations_is_read_as_text(small_corpus: Callable[..., Path]) -> None:
    """By the part of the English sentence, so that nothing held out of translators is read in training."""
    lines = [(f"sentence {i}", f"Satz {i}") for i in range(2000)]
    table = "".join(f"{english}\t{german}\n" for english, german in lines).encode()
    small_corpus("joined", {"translations": table})
    splits = load_corpus("small").splits
    german = dict(lines)
    said = {role: str(text).splitlines() for role, text in splits.items()}
    assert 200 < len(said["train"]) + len(said["valid"]) < 300
    for role, texts in said.items():
        assert texts == [german[one] for one, other in lines if hashed_part(one) == role and other in texts]


def test_a_language_model_reads_no_pairs() -> None:
    with pytest.raises(UserError, match=r"corpus 'tatoeba-eng-deu' has .*; a language model needs running text"):
        load_corpus("tatoeba-eng-deu")


def test_a_language_model_reads_the_texts_of_a_corpus_with_labels(data_dir: Path) -> None:
    corpus = load_corpus("sst2")
    assert [len(str(text).splitlines()) for text in corpus.splits.values()] == [6909, 872, 1821]
    assert corpus.research_only
