from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch
from search_models import EOS, Model, every_hypothesis, log_probs, random_model, same

from rnnzoo.decoding import Hypothesis, SamplingConfig, SearchConfig, beam_search, draw_sequences, row_generators
from rnnzoo.errors import UserError


def draw(model: Model, seeds: list[int], max_lens: Any, sampling: SamplingConfig | None = None, **rest: Any):
    generators = [row_generators(seed, 1)[0] for seed in seeds]
    return draw_sequences(
        model.step,
        model.start,
        model.state,
        model.memory,
        eos=EOS,
        sampling=sampling or SamplingConfig(),
        generators=generators,
        max_lens=max_lens,
        **rest,
    )


def test_a_sequence_is_what_it_is_alone():
    model, limits = random_model(1, 9, num=3), [12, 5, 9]
    together = draw(model, list(range(6)), limits)
    assert [len(row) for row in together] == [2, 2, 2]
    for row in range(3):
        for sample in range(2):
            alone = draw(model.only(row), [2 * row + sample], limits[row])[0]
            same([together[row][sample]], alone)
    assert len({h.tokens for row in together for h in row}) > 3


def test_they_come_as_often_as_they_are_probable():
    model, times = random_model(2, 3), 4000
    drawn = draw(model, [7] + [100 + i for i in range(times - 1)], 3)[0]
    counts = Counter((h.tokens, h.finished) for h in drawn)
    for tokens, log_prob, ended in every_hypothesis(model, 3):
        p = math.exp(log_prob)
        assert abs(counts[tokens, ended] - times * p) <= 4 * math.sqrt(times * p) + 1


def test_they_say_what_the_model_thinks_of_them():
    model = random_model(3, 7)
    for h in draw(model, list(range(20)), 8, SamplingConfig(2.0, top_k=4))[0]:
        symbols = (*h.tokens, EOS) if h.finished else h.tokens
        assert EOS not in h.tokens
        assert h.finished or len(h.tokens) == 8
        assert log_probs(model, [symbols]).item() == pytest.approx(h.log_prob, abs=1e-10)
        assert h.score == h.log_prob / len(symbols)


def test_temperature_zero_is_greedy():
    model = random_model(4, 9, num=4)
    options = {"eos": EOS, "max_lens": 10}
    found = beam_search(model.step, model.start, model.state, model.memory, config=SearchConfig(1), **options)
    for got, expected in zip(draw(model, [0] * 4, 10, SamplingConfig(0.0)), found, strict=True):
        same(got, expected)


def test_what_has_ended_leaves_the_batch():
    model = random_model(5, 4, num=3)
    drawn = draw(model, list(range(9)), 30)
    lengths = [len(h.tokens) + h.finished for row in drawn for h in row]
    assert model.calls == [sum(length > t for length in lengths) for t in range(max(lengths))]


def test_a_least_length():
    model = random_model(6, 3)
    assert min(len(h.tokens) for h in draw(model, list(range(50)), 9)[0]) < 4
    assert min(len(h.tokens) for h in draw(model, list(range(50)), 9, min_len=4)[0]) >= 4


def test_calls_that_make_no_sense():
    model = random_model(0, 4, num=2)
    with pytest.raises(UserError, match="max_len must be 1 or more, not 0"):
        draw(model, [0, 1], 0)
    with pytest.raises(ValueError, match="2 rows need as many generators"):
        draw(model, [0, 1, 2], 3)


def test_an_empty_one():
    only_the_end = torch.tensor([[0.0, -torch.inf]])
    one = torch.zeros(1, dtype=torch.int64)
    drawn = draw_sequences(
        lambda tokens, state, memory: (only_the_end, state),
        one,
        one,
        eos=EOS,
        sampling=SamplingConfig(),
        generators=row_generators(0, 1),
        max_lens=3,
    )
    assert drawn == [[Hypothesis((), 0.0, 0.0, True)]]
