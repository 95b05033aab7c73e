"""What `load_vectors` makes of a file: formats told apart, rows that are drawn, other cases, the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from vector_files import THREE, fasttext, text, word2vec, write

from rnnzoo.embeddings import Coverage, load_vectors
from rnnzoo.errors import UserError
from rnnzoo.text import CharTokenizer, WordTokenizer


def test_the_format_is_seen(tmp_path: Path) -> None:
    contents = [
        text(THREE),
        text(THREE, header=True),
        word2vec(THREE, newline=True),
        word2vec(THREE, newline=False),
    ]
    for content in contents:
        found = load_vectors(write(tmp_path, content), ["of"])
        np.testing.assert_array_equal(found.matrix, np.array([THREE["of"]], np.float32))
    zeros = {"a": (0.0, 0.0), "b": (1.0, 0.0)}
    assert load_vectors(write(tmp_path, word2vec(zeros, newline=False)), ["a", "b"]).matrix.tolist() == [[0, 0], [1, 0]]
    for version in (0, 12):
        assert load_vectors(write(tmp_path, fasttext(["a"], version=version)[0]), ["a"]).dim == 2


def test_missing_rows_are_drawn_like_the_others(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = {f"w{i}": tuple(generator.normal((-3, 0, 5), (0.1, 1, 2)).round(4)) for i in range(400)}
    path = write(tmp_path, text(rows))
    vocabulary = [*rows, *(f"x{i}" for i in range(4000))]
    vectors = load_vectors(path, vocabulary, seed=1)
    known, drawn = vectors.matrix[vectors.found], vectors.matrix[~vectors.found]
    assert (len(known), len(drawn)) == (400, 4000)
    np.testing.assert_allclose(drawn.mean(0), known.mean(0), atol=0.1)
    np.testing.assert_allclose(drawn.std(0), known.std(0), rtol=0.05)
    assert len(np.unique(drawn[:, 1])) > 3900
    np.testing.assert_array_equal(vectors.matrix, load_vectors(path, vocabulary, seed=1).matrix)
    other = load_vectors(path, vocabulary, seed=2)
    np.testing.assert_array_equal(other.matrix[other.found], known)
    assert (other.matrix[~other.found] != drawn).all()


def test_one_found_row_gives_all_others(tmp_path: Path) -> None:
    vectors = load_vectors(write(tmp_path, text(THREE)), ["of", "x", "y"])
    np.testing.assert_array_equal(vectors.matrix, np.array([THREE["of"]] * 3, np.float32))


def test_case_fallback_takes_the_nearest_spelling(tmp_path: Path) -> None:
    path = write(tmp_path, b"PARIS 4 4\nParis 3 3\nparis 2 2\nnato 5 5\nThe 6 6\n")
    vocabulary = ["Paris", "pARIS", "NATO", "the", "x"]
    plain = load_vectors(path, vocabulary)
    assert plain.found.tolist() == [True, False, False, False, False]
    vectors = load_vectors(path, vocabulary, case_fallback=True)
    assert vectors.matrix[:4, 0].tolist() == [3, 2, 5, 6]  # itself, then lower case, capitalised, upper case
    assert vectors.found.tolist() == [True, True, True, True, False]
    assert (vectors.coverage.exact, vectors.coverage.case, vectors.coverage.duplicates) == (1, 3, 0)


def test_coverage_report(tmp_path: Path) -> None:
    path = write(tmp_path, b"a 1 1\nb 2 2\nB 7 7\na 3 3\n", "small.txt")
    vectors = load_vectors(path, ["a", "x", "B", "y", "A"], counts=[5, 1, 2, 4, 8], case_fallback=True)
    coverage = vectors.coverage
    assert coverage == Coverage("small.txt", 4, 2, 5, 2, 1, 0, 20, 15, 1, 0, ("y", "x"))
    assert coverage.found == 3
    assert str(coverage) == (
        "small.txt: 4 x 2; vectors for 3 of 5 (60.0%) types (1 in another case), 15 of 20 (75.0%) tokens; "
        "1 duplicates left out; without one: 'y' 'x'"
    )
    assert Coverage.from_dict(json.loads(json.dumps(coverage.to_dict()))) == coverage
    assert str(load_vectors(path, ["a", *map(str, range(12))]).coverage).endswith("'9' ...")


def test_no_overlap_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, text(THREE))
    message = r"none of the vocabulary's 2 tokens \('x' 'y' \.\.\.\) is among the file's 3: .*, and try case_fallback"
    with pytest.raises(UserError, match=message):
        load_vectors(path, ["x", "y"])


def test_tokenizers_are_vocabularies(tmp_path: Path) -> None:
    path = write(tmp_path, b"the 1 1\ncat 2 2\na 3 3\n")
    words = WordTokenizer.train(["the cat sat\n"])
    vectors = load_vectors(path, words)
    assert {words.words[row] for row in np.flatnonzero(vectors.found)} == {"the", "cat"}
    running = WordTokenizer.train(["the cat, the"], "raw")  # "the" and " the"
    vectors = load_vectors(path, running)
    assert {running.words[row] for row in np.flatnonzero(vectors.found)} == {"the", " the", " cat"}
    assert load_vectors(path, CharTokenizer.train(["a b"])).found.tolist() == [False, True, False]


def test_what_python_users_get_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, text(THREE))
    with pytest.raises(ValueError, match="0 tokens"):
        load_vectors(path, [])
    with pytest.raises(ValueError, match="1 tokens, 2 counts"):
        load_vectors(path, ["of"], counts=[1, 2])
    with pytest.raises(ValueError, match="'glove'"):
        load_vectors(path, ["of"], format="glove")  # type: ignore[arg-type]
