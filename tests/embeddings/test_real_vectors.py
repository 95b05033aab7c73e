"""Every real file loads, and is what gensim and fastText make of it."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from vector_files import write

from rnnzoo.embeddings import load_vectors
from rnnzoo.errors import UserError

Find = Callable[[str], Path]

BINARY = "word2vec-binary/tokensModel.bin"
FILES = {  # rows, dimension
    "glove-text/test_glove.txt": (76, 50),
    "glove-text/glove.6B.100d.sample.txt.gz": (100, 100),
    BINARY: (1186, 200),
    "word2vec-binary/tokensModel.txt": (1186, 200),
    "word2vec-binary/euclidean_vectors.bin": (2747, 10),
    "fasttext/lee_fasttext.bin": (1762, 10),
    "fasttext/lee_fasttext.vec": (1762, 10),
    "fasttext/lee_fasttext_new.bin": (1763, 10),
    "fasttext/crime-and-punishment.bin": (291, 5),
    "fasttext/crime-and-punishment.vec": (291, 5),
}


@pytest.fixture(scope="module")
def find(corpus_path: Find) -> Find:
    return lambda name: corpus_path(f"embeddings/{name}")


@pytest.fixture(scope="module")
def gensim() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("gensim.models", reason="gensim, the reference, comes with the extra `dev`")


def lines_of(path: Path) -> list[list[str]]:
    """The fields of each vector's line."""
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().split("\n")[:-1]
    rows = [line.rstrip(" ").split(" ") for line in lines]
    return rows[1:] if len(rows[0]) == 2 else rows


@pytest.mark.parametrize("name", FILES)
def test_every_real_file_loads(find: Find, name: str) -> None:
    vectors = load_vectors(find(name), ["the", "в", "nothing like it"])
    assert (vectors.coverage.rows, vectors.dim) == FILES[name]
    assert vectors.found[0]
    assert np.isfinite(vectors.matrix).all()


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".bin")])
def test_text_is_read_to_the_last_digit(find: Find, name: str) -> None:
    rows = lines_of(find(name))
    vectors = load_vectors(find(name), [row[0] for row in rows])
    np.testing.assert_array_equal(vectors.matrix, np.array([row[1:] for row in rows], np.float32))


# gensim opens a file without header twice, and leaves the first one to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("fasttext")])
def test_word2vec_and_glove_equal_gensims(gensim: ModuleType, find: Find, tmp_path: Path, name: str) -> None:
    path, binary, glove = find(name), name.endswith(".bin"), name.startswith("glove")
    theirs = gensim.KeyedVectors.load_word2vec_format(path, binary=binary, no_header=glove)
    ours = load_vectors(path, theirs.index_to_key)
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)
    for binary in (False, True):  # and what gensim writes
        theirs.save_word2vec_format(tmp_path / "saved", binary=binary)
        np.testing.assert_array_equal(load_vectors(tmp_path / "saved", theirs.index_to_key).matrix, theirs.vectors)


@pytest.mark.parametrize("name", ["lee_fasttext", "crime-and-punishment"])
def test_fasttext_models_reproduce_their_text(find: Find, name: str) -> None:
    rows = lines_of(find(f"fasttext/{name}.vec"))
    vectors = load_vectors(find(f"fasttext/{name}.bin"), [row[0] for row in rows])
    np.testing.assert_allclose(vectors.matrix, np.array([row[1:] for row in rows], float), rtol=0, atol=5e-5)
    assert [[f"{number:.5g}" for number in row] for row in vectors.matrix] == [row[1:] for row in rows]


@pytest.mark.parametrize("name", ["lee_fasttext", "lee_fasttext_new", "crime-and-punishment"])
def test_unseen_words_equal_gensims(gensim: ModuleType, find: Find, name: str) -> None:
    path = find(f"fasttext/{name}.bin")
    theirs = gensim.fasttext.load_facebook_vectors(path)
    words = ["xylophones", "преступление-и-наказание", "naïveté", "日本語", "The", *theirs.index_to_key[1:200]]
    words = [
        word for word in words if word != "</s>"
    ]  # has n-grams for gensim in all formats, which are not fastText's
    ours = load_vectors(path, words)
    np.testing.assert_allclose(ours.matrix, np.stack([theirs[word] for word in words]), atol=2e-6)
    assert ours.coverage.subword >= 4


def test_a_real_binary_cut_short(find: Find, tmp_path: Path) -> None:
    for name in (BINARY, "fasttext/crime-and-punishment.bin"):
        content = find(name).read_bytes()
        for size in [*range(1, len(content), len(content) // 40), len(content) - 1]:
            with pytest.raises(UserError):
                load_vectors(write(tmp_path, content[:size]), ["the"])


def test_binary_and_text_are_the_same_vectors(find: Find) -> None:
    words = [row[0] for row in lines_of(find("word2vec-binary/tokensModel.txt"))]
    binary, text = (load_vectors(find(f"word2vec-binary/tokensModel.{end}"), words) for end in ("bin", "txt"))
    np.testing.assert_allclose(binary.matrix, text.matrix, rtol=0, atol=6e-7)
