"""Vectors at the command line: `rnnzoo show --nearest`, and training with a file that will not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import OWN, Outcome

from rnnzoo.embeddings import nearest
from rnnzoo.zoo import load


def test_show_nearest(run: Path, command: Callable[..., Outcome]) -> None:
    model = load(run)
    expected = nearest(model.embedding.weight, model.tokenizer.token_texts(), "a", 3)
    code, out, err = command("show", str(run), "--nearest", "a", "--num", "3", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert [(pair["token"], pair["cosine"]) for pair in shown["nearest"]] == [(t, round(c, 6)) for t, c in expected]
    lines = command("show", str(run), "--nearest", "a").out.splitlines()
    assert len(lines) == 10
    tokens = [line.split("\t")[1] for line in lines]
    assert {"' '", "'\\n'", ","} <= set(tokens)  # white space is quoted
    assert lines[0] == f"{expected[0][1]:.4f}\t{tokens[0]}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nearest", "z"], "'z' is not in the vocabulary"),
        (["--nearest", "a", "--num", "0"], "argument --num: 1 <= N <= 1e6; got 0 (`rnnzoo show --help` says more)"),
    ],
)
def test_show_nearest_refuses(run: Path, refused: Callable[..., str], words: list[str], message: str) -> None:
    assert refused("show", str(run), *words) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1 2 3 4\nb 1 2 3\n", "vectors.txt, line 2: a token and 4 numbers are expected, not 4 fields"),
        ("a 1 2 nan 4\n", "vectors.txt, line 1: 'nan' is not a number"),
        ("b 1 2 3 4\na 1 2 nan 4\n", "vectors.txt, line 2: 'nan' is not a number"),
        ("a 1 2 3\n", "embedding.source has vectors of 3 numbers, model.embedding_dim is 4: make it 3, or set"),
        ("Q 1 2 3 4\n", "vectors.txt: none of the vocabulary's 12 tokens"),
    ],
)
def test_training_with_vectors_that_will_not_do(
    here: Path, refused: Callable[..., str], content: str, message: str
) -> None:
    (here / "vectors.txt").write_text(content)
    assert message in refused(*OWN, "--embedding.source", "vectors.txt")


def test_training_with_vectors(here: Path, command: Callable[..., Outcome]) -> None:
    (here / "vectors.txt").write_text("a 1 2 3\nb 4 5 6\n")
    options = ["--embedding.source", "vectors.txt", "--embedding.freeze", "always", "--embedding.project", "true"]
    code, _, err = command(*OWN, *options)
    assert code == 0, err
    assert "embedding: vectors.txt: 2 x 3; vectors for 2 of 12 (16.7%) types" in " ".join(err.split())
    model = load(here / "runs/char-lstm.own-text/1")
    ids = model.tokenizer.encode("ab").tolist()
    assert model.embedding.weight[ids].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert model.config.embedding_projection == 4
