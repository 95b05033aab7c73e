"""word2vec's and fastText's binaries: both layouts, all versions, and a cut at every byte."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from vector_files import THREE, fasttext, fnv, ngrams, word2vec, write

from rnnzoo.embeddings import load_vectors
from rnnzoo.embeddings.fasttext import ngram_hashes
from rnnzoo.errors import UserError

WORDS = ["the", "преступление", "</s>", "of"]
LAYOUTS = {"original": True, "gensim": False}


@pytest.mark.parametrize("newline", LAYOUTS.values(), ids=LAYOUTS)
def test_word2vec_in_both_layouts(tmp_path: Path, newline: bool) -> None:
    path = write(tmp_path, word2vec(THREE, newline=newline))
    vectors = load_vectors(path, ["straße", "der", "the"])
    np.testing.assert_array_equal(vectors.matrix[[0, 2]], np.array([THREE["straße"], THREE["the"]], np.float32))
    assert vectors.found.tolist() == [True, False, True]
    assert vectors.coverage.rows == 3


@pytest.mark.parametrize("newline", LAYOUTS.values(), ids=LAYOUTS)
def test_word2vec_cut_at_any_byte(tmp_path: Path, newline: bool) -> None:
    content = word2vec(THREE, newline=newline)
    path = tmp_path / "cut"
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match=r"cut(, byte \d+|, line \d+)?: "):
            load_vectors(path, ["the"], format="word2vec")
        with pytest.raises(UserError):  # whatever it looks like
            load_vectors(path, ["the"])
    path.write_bytes(content + b"\n")
    with pytest.raises(UserError, match="goes on behind the 3 vectors"):
        load_vectors(path, ["the"])


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("4 3", "vectors of 14 bytes or more|ends within vector 4 of 4"),
        ("2 3", "goes on behind the 2 vectors"),
        ("3 4", "vectors of 18 bytes or more|ends within|is not UTF-8"),
        ("3 2", "does not end where it should|goes on behind|is not UTF-8"),
        ("1000000000 3", "claims 1,000,000,000 vectors of 14 bytes or more"),
        ("1 16384", "claims 1 vectors of 65,538 bytes or more"),
        ("1 16385", "1 to 16,384 are possible"),
        ("3 3 3", "has no header"),
    ],
)
@pytest.mark.parametrize("newline", LAYOUTS.values(), ids=LAYOUTS)
def test_word2vec_with_a_header_that_lies(tmp_path: Path, newline: bool, claim: str, message: str) -> None:
    path = write(tmp_path, word2vec(THREE, newline=newline, claim=claim))
    with pytest.raises(UserError, match=message):
        load_vectors(path, ["the"], format="word2vec")


def test_word2vec_numbers_and_tokens(tmp_path: Path) -> None:
    path = write(tmp_path, word2vec({"a": (1.0, np.nan), "b": (1.0, np.inf), "c": (1.0, 2.0)}, newline=True))
    for word in "ab":
        with pytest.raises(UserError, match=rf"byte \d+: the vector of '{word}' has a number that is not finite"):
            load_vectors(path, [word])
    assert load_vectors(path, ["c"]).matrix.tolist() == [[1, 2]]
    cut = word2vec({"aé": (1.0, 2.0), "b": (3.0, 4.0)}, newline=False).replace("é".encode(), b"\xc3")
    path = write(tmp_path, cut)
    with pytest.raises(UserError, match=r"vectors, byte 4: the token b'a\\xc3' is not UTF-8 \(bad_tokens='skip'"):
        load_vectors(path, ["b"])
    vectors = load_vectors(path, ["b"], bad_tokens="skip")
    assert (vectors.matrix.tolist(), vectors.coverage.skipped) == ([[3, 4]], 1)


def test_claims_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    vocabulary = [f"word{i}" for i in range(2000)]
    bombs = [b"900000000 16384\nthe ", b"900000000 16384\nthe 1 2 3\n", b"1 16384\nthe " + b"\0" * 64]
    tracemalloc.start()
    for number, content in enumerate(bombs):
        for format in ("text", "word2vec"):
            with pytest.raises(UserError):
                load_vectors(write(tmp_path, content, str(number)), vocabulary, format=format)  # type: ignore[arg-type]
    model, _ = fasttext(WORDS)
    for at in range(8, 80, 4):  # every field of the header
        for value in (2**31 - 1, -1):
            with contextlib.suppress(UserError):  # some are of no use to anyone who only wants vectors
                load_vectors(write(tmp_path, model[:at] + struct.pack("<i", value) + model[at + 4 :]), ["nothing"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("word", ["the", "преступление", "a", "日本語", "\U0001f600!", ""])
@pytest.mark.parametrize(("minn", "maxn"), [(1, 3), (3, 6), (2, 2), (0, 0)])
def test_hashes_of_ngrams(word: str, minn: int, maxn: int) -> None:
    expected = [fnv(gram.encode()) for gram in ngrams(word, max(minn, 1), maxn)]
    assert list(ngram_hashes(word, minn, maxn)) == expected


@pytest.mark.parametrize("version", [0, 11, 12])
def test_fasttext_vectors_are_means_of_words_and_ngrams(tmp_path: Path, version: int) -> None:
    content, matrix = fasttext(WORDS, version=version)
    vectors = load_vectors(write(tmp_path, content), [*WORDS, "unseen", "наказание"])
    for row, word in enumerate([*WORDS, "unseen", "наказание"]):
        parts = [WORDS.index(word)] if word in WORDS else []
        if version == 0 or word != "</s>":  # the headerless format gives it n-grams, the others do not
            parts += [len(WORDS) + fnv(gram.encode()) % 7 for gram in ngrams(word, 2, 3)]
        np.testing.assert_allclose(vectors.matrix[row], matrix[parts].mean(0), atol=1e-6)
    assert vectors.found.all()
    coverage = vectors.coverage
    assert (coverage.exact, coverage.subword, coverage.rows) == (4, 2, 4)
    assert "(2 from n-grams)" in str(coverage)


def test_fasttext_case_before_ngrams(tmp_path: Path) -> None:
    path = write(tmp_path, fasttext(WORDS)[0])
    vectors = load_vectors(path, ["The", "the", "OF", "x"], case_fallback=True)
    np.testing.assert_array_equal(vectors.matrix[0], vectors.matrix[1])
    coverage = vectors.coverage
    assert (coverage.exact, coverage.case, coverage.subword) == (1, 2, 1)


def test_fasttext_without_ngrams(tmp_path: Path) -> None:
    for options in ({"bucket": 0}, {"maxn": 0}, {"version": 11, "model": 3, "labels": ["__label__x"]}):
        content, matrix = fasttext(WORDS, **options)  # type: ignore[arg-type]
        vectors = load_vectors(write(tmp_path, content), ["of", "unseen", "__label__x"])
        np.testing.assert_array_equal(vectors.matrix[0], matrix[3])
        assert vectors.found.tolist() == [True, False, False]


@pytest.mark.parametrize("version", [0, 12])
def test_fasttext_cut_at_any_byte(tmp_path: Path, version: int) -> None:
    content, _ = fasttext(WORDS, version=version, labels=["__label__x"])
    path = tmp_path / "cut"
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match=r"cut(, byte [\d,]+)?: "):
            load_vectors(path, ["the"], format="fasttext")
    path.write_bytes(content + b"\0")
    with pytest.raises(UserError, match="goes on behind the output matrix"):
        load_vectors(path, ["the"])


def test_fasttext_that_is_not_read(tmp_path: Path) -> None:
    content, _ = fasttext(WORDS)
    quantised = content.index(struct.pack("<?qq", False, 11, 2))
    cases = {
        content[:4] + struct.pack("<i", 13) + content[8:]: "byte 4: is fastText's version 13",
        content[:quantised] + b"\1" + content[quantised + 1 :]: "is a quantised model",
        content[:84] + struct.pack("<q", 3) + content[92:]: "is a pruned, quantised model",
        content.replace("преступление".encode(), b"\xd0" * 24): "entry|is not UTF-8",
        content.replace(struct.pack("<qq", 11, 2), struct.pack("<qq", 12, 2)): "12 x 2; the header says 11 x 2",
        content.replace(struct.pack("<qq", 2, 2), struct.pack("<qq", 2, 3)): "the output matrix, 2 x 3, does not fit",
    }
    for changed, message in cases.items():
        with pytest.raises(UserError, match=message):
            load_vectors(write(tmp_path, changed), ["the"])
    changed = content.replace("преступление".encode(), b"\xd0" * 24)
    assert load_vectors(write(tmp_path, changed), ["the"], bad_tokens="skip").coverage.skipped == 1
    nan = np.frombuffer(content, np.uint8).copy()
    begin = quantised + 17
    nan[begin : begin + 8] = np.frombuffer(np.full(2, np.nan, "<f4").tobytes(), np.uint8)
    with pytest.raises(UserError, match="is not finite"):
        load_vectors(write(tmp_path, nan.tobytes()), ["the"])
