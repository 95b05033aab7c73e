"""BLEU and chrF: sacreBLEU's own figures, with references of any number."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import sacrebleu

from rnnzoo.errors import UserError
from rnnzoo.metrics import bleu, bleu_by_length, bleu_lowercased_tokenised, chrf

HYPOTHESES = ["The cat sat on the mat.", "A man rides a bicycle.", "Two dogs run through the high grass."]
ONE = [["The cat sat on a mat."], ["A man is riding a bicycle."], ["Two dogs are running through high grass."]]


def test_one_reference_each_gives_the_librarys_figure_and_signature():
    score = bleu(HYPOTHESES, ONE)
    assert score["score"] == sacrebleu.corpus_bleu(HYPOTHESES, [[row[0] for row in ONE]]).score
    assert 0 < score["score"] < 100
    for part in ("nrefs:1", "case:mixed", "tok:13a", "smooth:exp", f"version:{sacrebleu.__version__}"):
        assert part in score["signature"].split("|")
    letters = chrf(HYPOTHESES, ONE)
    assert letters["score"] == sacrebleu.corpus_chrf(HYPOTHESES, [[row[0] for row in ONE]]).score
    assert {"nrefs:1", "nc:6", "nw:0"} <= set(letters["signature"].split("|"))


def test_what_is_right_is_100():
    assert bleu([row[0] for row in ONE], ONE)["score"] == pytest.approx(100)
    assert chrf([row[0] for row in ONE], ONE)["score"] == pytest.approx(100)


def test_references_of_differing_number():
    several = [[*ONE[0], "The cat sat on the mat."], ONE[1], [*ONE[2], "Two dogs run.", "Dogs run in the grass."]]
    score = bleu(HYPOTHESES, several)
    assert score["score"] > bleu(HYPOTHESES, ONE)["score"]
    assert "nrefs:var" in score["signature"]
    # a sentence's order of references says nothing, and the same one again is no other
    assert bleu(HYPOTHESES, [row[::-1] for row in several])["score"] == score["score"]
    assert bleu(HYPOTHESES, [[*row, row[0]] for row in ONE])["score"] == bleu(HYPOTHESES, ONE)["score"]
    assert "nrefs:var" in chrf(HYPOTHESES, several)["signature"]


def test_a_missing_reference_is_no_empty_one():
    """An empty reference would be the nearest in length to an empty translation, and lift the brevity penalty."""
    references = [["one two three four five"], ["six seven eight nine ten", "six seven eight nine"]]
    short = bleu(["", "six seven eight nine ten"], references)["score"]
    assert short == pytest.approx(100 * math.exp(1 - 10 / 5))


def test_lower_cased_is_named_and_higher():
    loud = [text.upper() for text in HYPOTHESES]
    assert bleu(loud, ONE)["score"] < 5
    score = bleu_lowercased_tokenised(loud, ONE)
    assert score["score"] == bleu_lowercased_tokenised(HYPOTHESES, ONE)["score"] >= bleu(HYPOTHESES, ONE)["score"]
    assert {"case:lc", "tok:13a"} <= set(score["signature"].split("|"))


def test_by_length_of_the_source():
    rows = bleu_by_length(HYPOTHESES, ONE, [6, 5, 12], edges=(5, 10))
    assert [(row["min"], row["max"], row["sentences"]) for row in rows] == [(0, 5, 1), (6, 10, 1), (11, None, 1)]
    assert [row["score"] for row in rows] == [bleu([HYPOTHESES[i]], [ONE[i]])["score"] for i in (1, 0, 2)]
    assert bleu_by_length(HYPOTHESES, ONE, [1, 2, 3])[0]["score"] == bleu(HYPOTHESES, ONE)["score"]


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ([], [], "no translation"),
        (["a"], [["a"], ["b"]], "1 translations, but references of 2 sentences"),
        (["a", "b"], [["a"], []], "sentence 2 has no reference"),
    ],
)
def test_what_cannot_be_scored(hypotheses, references, message):
    for measure in (bleu, chrf, bleu_lowercased_tokenised):
        with pytest.raises(UserError, match=message):
            measure(hypotheses, references)
    with pytest.raises(UserError, match=message):
        bleu_by_length(hypotheses, references, [1] * len(hypotheses))


def test_mistakes_of_a_caller():
    with pytest.raises(TypeError, match="a list of strings for each sentence"):
        bleu(["a"], ["a"])
    with pytest.raises(UserError, match="must rise"):
        bleu_by_length(HYPOTHESES, ONE, [1, 2, 3], edges=(10, 5))
    with pytest.raises(UserError, match="2 lengths"):
        bleu_by_length(HYPOTHESES, ONE, [1, 2])


def test_the_library_waits_until_a_score_is_asked_for():
    code = "import sys, rnnzoo.metrics; sys.exit('sacrebleu' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
