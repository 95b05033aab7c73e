"""An exported model says what the model says, with the same names, seeds and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from exports import Pair, Translators

from rnnzoo.errors import UserError
from rnnzoo.runtime import LanguageModel
from rnnzoo.runtime.randomness import Draws

SAMPLINGS: list[dict[str, Any]] = [
    {"temperature": 0},
    {"temperature": 0.7},
    {"top_k": 3},
    {"top_p": 0.6, "temperature": 1.3},
    {"min_p": 0.2, "top_k": 7, "top_p": 0.95},
]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_texts(pair: Pair, sampling: dict[str, Any]) -> None:
    options = {"max_new_tokens": 200, "num": 3, "seed": 5} | sampling
    assert pair.exported.generate("abc", **options) == pair.model.generate("abc", **options)


@pytest.mark.parametrize("options", [{"stop": "a"}, {"stop": ["b,", "\n"]}, {"max_new_tokens": 0}, {"prompt": ""}])
def test_texts_that_end(pair: Pair, options: dict[str, Any]) -> None:
    given = {"prompt": "abc", "max_new_tokens": 90, "num": 4, "seed": 1} | options
    assert pair.exported.generate(**given) == pair.model.generate(**given)


def test_stream_is_generate(exported: LanguageModel) -> None:
    assert (
        "".join(exported.stream("ab", max_new_tokens=70, seed=2))
        == exported.generate("ab", max_new_tokens=70, seed=2)[0]
    )


def test_scores_and_probabilities(pair: Pair) -> None:
    text = "abc, de. fgh\n" * 9
    np.testing.assert_allclose(pair.exported.score(text).nats, pair.model.score(text).nats, atol=1e-4)
    ours, theirs = pair.exported.next_tokens("abc", 5), pair.model.next_tokens("abc", 5)
    assert [token for token, _ in ours] == [token for token, _ in theirs]
    np.testing.assert_allclose([p for _, p in ours], [p for _, p in theirs], atol=1e-5)


def test_beam(pair: Pair) -> None:
    options = {"beam": 4, "num": 3, "max_new_tokens": 20}
    assert pair.exported.generate("abc", **options) == pair.model.generate("abc", **options)
    assert pair.exported.generate("abc", stop=".", **options) == pair.model.generate("abc", stop=".", **options)


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**40 + 7, 2**62])
def test_random_numbers_are_pytorchs(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    expected = [torch.rand((), generator=generator, dtype=torch.float64).item() for _ in range(1100)]
    assert np.array_equal(np.concatenate([Draws(seed).peek(700), Draws(seed, 700).peek(400)]), expected)


SENTENCES = ["abc, de.", "", "fg", "hhhh a. bcd, efgh", "abc de"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beam": 1},
        {"beam": 4, "nbest": 4, "length_penalty": "wu"},
        {"no_repeat_ngram": 2, "min_len": 3},
        {"prefix": "st", "max_len": 9},
    ],
)
def test_translations(translators: Translators, options: dict[str, Any]) -> None:
    ours = translators.exported.translations(SENTENCES, **options)
    theirs = translators.model.translations(SENTENCES, **options)
    assert [[each.tokens for each in row] for row in ours] == [[each.tokens for each in row] for row in theirs]
    assert [[each.text for each in row] for row in ours] == [[each.text for each in row] for row in theirs]
    for ours_row, theirs_row in zip(ours, theirs, strict=True):
        np.testing.assert_allclose([e.score for e in ours_row], [e.score for e in theirs_row], atol=1e-4)


def test_the_lines_of_a_text_are_sentences(translators: Translators) -> None:
    for given in ("abc, de.\nfg", ["fg", "abc de\n\nabc\n"]):
        texts = translators.exported.translate(given)
        assert texts == translators.model.translate(given)
        assert [text.count("\n") for text in texts] == [
            text.count("\n") for text in ([given] if isinstance(given, str) else given)
        ]


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.generate("xyz"),
        lambda model: model.generate("a", temperature=-1),
        lambda model: model.generate("a", max_new_tokens=-1),
        lambda model: model.generate("a", stop=""),
        lambda model: model.generate("a", beam=2, seed=1),
        lambda model: model.session(0),
        lambda model: model.score(""),
        lambda model: model.next_tokens("a", 0),
    ],
)
def test_errors_are_the_packages(pair: Pair, call: Any) -> None:
    messages = []
    for model in pair.model, pair.exported:
        with pytest.raises(UserError) as raised:
            call(model)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


def test_eight_bits_are_near(pair: Pair, opened: LanguageModel) -> None:
    text = pair.model.generate("abc", max_new_tokens=300, seed=1)[0]
    ours, theirs = opened.score(text), pair.model.score(text)
    assert 0 < abs(ours.nll - theirs.totals.nll) < 0.1
    sizes = [len(model.bundle.read("weights.bin")) for model in (opened, pair.exported)]
    assert sizes[0] < sizes[1]
