"""Many lines at once score what each scores by itself; of two sentences the likelier one is found."""

from __future__ import annotations

import io
import random

import pytest
from adaptive import CHARACTERS, KINDS, build

from rnnzoo.backbones import StackConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.scoring import rows
from rnnzoo.inference.scoring.sentence_pairs import score_lines, score_pairs, write_pairs
from rnnzoo.inference.scoring.text import score_text
from rnnzoo.models import LanguageModelConfig
from rnnzoo.text import CharTokenizer

LENGTHS = (1, 1, 2, 3, 40, 41, 100, 700)


def lines(kind: str) -> list[str]:
    """Sentences of many lengths, one longer than what is read side by side."""
    draw = random.Random(0)
    if KINDS[kind][0] is CHARACTERS:
        return ["".join(draw.choices("abcdefgh .", k=length)).replace(" ", "a", 1) for length in LENGTHS]
    return [" ".join(draw.choices(["the", "cat", "sat", "zebra", "on"], k=length)) for length in LENGTHS]


@pytest.mark.parametrize("batch", [1, 100, 4096])
@pytest.mark.parametrize("kind", KINDS)
def test_each_line_scores_what_it_scores_by_itself(monkeypatch: pytest.MonkeyPatch, kind: str, batch: int) -> None:
    monkeypatch.setattr(rows, "_MAX_TOKENS", batch)
    model = build(kind).train()
    texts = lines(kind)
    random.Random(1).shuffle(texts)
    for line, totals in zip(texts, score_lines(model, texts), strict=True):
        alone = score_text(model, f"{line}\n").totals
        assert totals.nats == pytest.approx(alone.nats, rel=1e-10)
        assert (totals.tokens, totals.characters, totals.bytes) == (alone.tokens, alone.characters, alone.bytes)
    assert model.training


def test_without_a_line_break_in_the_vocabulary_the_end_is_not_predicted() -> None:
    config = LanguageModelConfig(4, backbone=StackConfig(hidden_size=4))
    model = config.build(CharTokenizer("abc"))
    totals = score_lines(model, ["ab"])[0]
    assert totals.nats == pytest.approx(score_text(model, "ab").totals.nats)
    assert totals.tokens == 2


def test_what_the_vocabulary_does_not_have() -> None:
    model = build()
    with pytest.raises(UserError, match="'Z'"):
        score_lines(model, ["aZb"])
    assert score_lines(model, ["aZb"], unknown="drop") == score_lines(model, ["ab"])


def test_pairs() -> None:
    model = build("words")
    scored = score_pairs(model, [("the cat", "cat the"), ("on", "zebra on on"), ("zebra", "zebra")])
    for pair in scored:
        first, second = (score_text(model, f"{text}\n").totals.nats for text in (pair.first, pair.second))
        assert pair.difference == pytest.approx(second - first)
        assert pair.likelier == (0 if pair.first == pair.second else 1 if first < second else 2)
    assert scored[2].difference == 0
    assert [pair.unknown for pair in scored] == [(0, 0), (0, 1), (1, 1)]
    assert score_pairs(model, [("the", "zebra cat")], unknown="drop")[0].unknown == (0, 0)
    file = io.StringIO()
    write_pairs(scored, file)
    header, *rows = [line.split("\t") for line in file.getvalue().splitlines()]
    assert header == ["nats_1", "nats_2", "likelier", "unknown_1", "unknown_2", "sentence_1", "sentence_2"]
    assert [row[2:] for row in rows] == [
        [str(pair.likelier), *map(str, pair.unknown), pair.first, pair.second] for pair in scored
    ]
    assert float(rows[0][0]) == pytest.approx(scored[0].totals[0].nats, abs=1e-6)


def test_a_sentence_on_both_sides_is_never_better_than_itself() -> None:
    """In another batch it may come out another in the last bit."""
    model = build().float()
    texts = lines("plain")
    assert {pair.likelier for pair in score_pairs(model, [(text, text) for text in texts])} == {0}
