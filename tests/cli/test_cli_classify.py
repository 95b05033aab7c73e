"""`rnnzoo classify`, and the other commands on classifiers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from small_classifier import MadeClassifier, make_classifier, small_classifier

import rnnzoo
from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.models import Classifier
from rnnzoo.zoo import load, save_folder, verify


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeClassifier:
    return make_classifier(tmp_path_factory.mktemp("made"))


Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


def test_a_line_for_each_text(made: MadeClassifier, say: Say, tmp_path: Path) -> None:
    model = load(made.entry, kind=Classifier)
    expected = [one.label for one in model.classify(["abc", "fgh"])]
    code, out, _ = say("classify", str(made.entry), "abc", "fgh")
    assert (code, out.split("\n")) == (0, [*expected, ""])
    (tmp_path / "in.txt").write_text("abc\nfgh\n")
    code, out, _ = say(
        "classify", str(made.entry), "--input", str(tmp_path / "in.txt"), "--output", str(tmp_path / "o")
    )
    assert (code, out, (tmp_path / "o").read_text().split()) == (0, "", expected)


def test_scores_json_and_why(made: MadeClassifier, say: Say) -> None:
    code, out, _ = say("classify", str(made.entry), "ab gh", "--scores")
    shares = [float(part.split()[1]) for part in out.strip().split("\t")]
    assert code == 0
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares == sorted(shares, reverse=True)
    code, out, _ = say("classify", str(made.entry), "ab gh", "--json", "--explain", "--top", "2")
    row = json.loads(out)
    assert row["text"] == "".join(piece for piece, _ in row["influences"]) == "ab gh"
    assert len(row["probabilities"]) == 2
    model = load(made.entry, kind=Classifier)
    whole, without = model.probabilities(["ab gh", " gh"])
    number = model.labels.index(row["of"])
    assert row["influences"][0][1] == pytest.approx(float(whole[number] - without[number]), abs=1e-5)
    assert [piece for piece, _ in model.explain("abc")] == ["a", "b", "c"]  # a single word by its letters


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("xyz",), "line 1: the vocabulary has no"),
        (("ab", "--explain", "blue"), r"has no label 'blue' \(known: plain"),
        (("ab", "--input", "-"), "TEXT or --input"),
        (("ab", "--input", "missing.txt"), "not both"),
    ],
)
def test_what_is_wrong(made: MadeClassifier, say: Say, words: tuple[str, ...], message: str) -> None:
    code, out, err = say("classify", str(made.entry), *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.search(message, err)


def test_a_classifier_is_needed(say: Say) -> None:
    code, _, err = say("classify", "char-rnn.tinyshakespeare", "ab")
    assert code == 2
    assert "is a language model, and this takes a classifier: it goes with `rnnzoo generate`" in err


def test_the_other_commands(made: MadeClassifier, say: Say) -> None:
    checks = {check.what: check.result for check in verify(str(made.entry), made.entry, files=[str(made.table)])}
    assert "failed" not in checks.values()
    assert (checks["golden logits"], checks["score"]) == ("ok", "ok")
    code, out, _ = say("test", str(made.entry), "--text", str(made.table))
    assert code == 0
    assert "% accuracy" in out
    assert "macro F1" in out
    code, out, _ = say("show", str(made.entry))
    assert "classifier" in out
    assert "accuracy" in out
    card = (made.entry / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card
    assert "rnnzoo classify cls-gru.shapes" in card
    code, _, err = say("export", str(made.entry), str(made.entry.parent / "out.zip"))
    assert code == 2
    assert "export it as NAME.onnx" in err


def test_a_session_says_after_each_token_what_the_whole_says(made: MadeClassifier) -> None:
    model = load(made.entry, kind=Classifier)
    session = model.session()
    assert session.prediction.probabilities == pytest.approx(model.classify("")[0].probabilities, abs=1e-5)
    steps = session.feed("ab g")
    other = session.fork()
    steps += session.feed("h")
    assert [step.token for step in steps] == list("ab gh")
    for end, step in enumerate(steps, 1):
        whole = model.classify("ab gh"[:end])[0]
        assert step.prediction.probabilities == pytest.approx(whole.probabilities, abs=1e-5)
    assert other.prediction.probabilities == steps[3].prediction.probabilities
    with pytest.raises(UserError, match="the vocabulary has no"):
        session.feed("xyz")


def test_create_model_with_a_new_head(tmp_path: Path) -> None:
    save_folder(tmp_path / "m", small_classifier())
    place = str(tmp_path / "m")
    before = load(place, kind=Classifier)
    model = rnnzoo.create_model(place, num_classes=7, head={"pooling": "mean"})
    assert isinstance(model, Classifier)
    assert model.labels == tuple("0123456")
    assert model.embedding.weight.equal(before.embedding.weight)
    assert model.probabilities(["ab"]).shape == (1, 7)
    fresh = rnnzoo.create_model(place, pretrained=False, labels=["x", "y"])
    assert isinstance(fresh, Classifier)
    assert not fresh.embedding.weight.equal(before.embedding.weight)
    assert type(rnnzoo.create_model(place)) is Classifier
    for options in ({"num_classes": 1}, {"num_classes": 3, "labels": ["a", "b"]}, {"head": {}}):
        with pytest.raises(UserError, match="num_classes"):
            rnnzoo.create_model(place, **options)  # type: ignore[arg-type]
