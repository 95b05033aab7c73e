"""``rnnzoo train mt-gru.own-pairs`` on what will not do: one line, exit code 2, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnzoo.cli.train import parse_settings

Refused = Callable[..., str]
TRAIN = ("train", "mt-gru.own-pairs")


@pytest.fixture
def files(here: Path) -> Path:
    """``a.en`` and ``a.fr``, twenty lines each, and others that do not go with them."""
    (here / "a.en").write_text("a cat\n" * 20)
    (here / "a.fr").write_text("un chat\n" * 20)
    (here / "more.fr").write_text("un chat\n" * 21)
    (here / "holes.fr").write_text("un chat\n" * 6 + "\n" + "un chat\n" * 13)
    (here / "empty.fr").write_text("")
    (here / "latin.fr").write_bytes(b"caf\xe9\n" * 20)
    (here / "odd.tsv").write_text("a cat\tun chat\n" * 4 + "a cat\n")
    return here


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "mt-gru.own-pairs is for pairs of sentences of your own: name them with --files SRC TGT, or --tsv FILE"),
        ("--files a.en a.fr --tsv odd.tsv", "--files and --tsv are two texts: give one"),
        ("--files a.en more.fr", "a.en: has 20 lines, and more.fr has 21: line n must translate line n"),
        ("--files a.en empty.fr", "empty.fr: is empty"),
        ("--files a.en latin.fr", "latin.fr, byte 3: is not UTF-8"),
        ("--files a.en", "pairs are in two files, source and target; 1 is given"),
        ("--files a.en holes.fr --data.cleaning null", "holes.fr, line 7: the target is blank and its source is not"),
        ("--tsv odd.tsv", "odd.tsv, line 5: has 1 column, line 1 has 2"),
        ("--files a.en a.fr --src en --tgt en", "src and tgt are both 'en'"),
        ("--corpus numbers-en-fr --tgt de", "corpus 'numbers-en-fr' has no language 'de' (tgt), only en, fr"),
        ("--corpus pydocs", "corpus 'pydocs' is running text; translation needs pairs of sentences"),
    ],
)
def test_pairs_that_will_not_do(files: Path, refused: Refused, words: str, said: str) -> None:
    assert refused(*TRAIN, *words.split()).startswith(said)


def test_names_of_files_stay_text() -> None:
    settings = parse_settings(["--files", "1e5", "on", "--data.valid_files", "1", "2", "--tsv", "007", "--lr", "1e-3"])
    assert settings == {"files": ["1e5", "on"], "data.valid_files": ["1", "2"], "tsv": "007", "lr": 1e-3}
