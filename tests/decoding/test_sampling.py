from __future__ import annotations

import argparse
import math

import pytest
import torch

from rnnzoo.decoding import (
    SAMPLING_FIELDS,
    SamplingConfig,
    SamplingFields,
    filter_logits,
    row_generators,
    sample,
    sampling_of,
)
from rnnzoo.errors import UserError

PROBABILITIES = torch.tensor([[0.5, 0.25, 0.125, 0.0625, 0.0625]])
LOGITS = PROBABILITIES.log()


def kept(logits: torch.Tensor, **options: float) -> list[int]:
    return filter_logits(logits, SamplingConfig(**options))[0].isfinite().nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"top_k": 2}, [0, 1]),
        ({"top_k": 4}, [0, 1, 2, 3]),  # the two last are as probable: the smaller id stays, and k stays k
        ({"top_k": 99}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.5}, [0]),
        ({"top_p": 0.51}, [0, 1]),
        ({"top_p": 0.9}, [0, 1, 2, 3]),
        ({"top_p": 1e-30}, [0]),
        ({"top_p": 0.0}, [0]),
        ({"min_p": 0.2}, [0, 1, 2]),
        ({"min_p": 0.3}, [0, 1]),
        ({"min_p": 1.0}, [0]),
        ({"top_k": 3, "top_p": 0.6}, [0, 1]),  # shares of what top-k left: 4/7, 2/7, 1/7
        ({"top_k": 3, "top_p": 0.57}, [0]),
        ({"temperature": 0.0}, [0]),
        ({"temperature": 0.5, "min_p": 0.2}, [0, 1]),  # the filters see the tempered distribution: 1/4 and 1/16
    ],
)
def test_which_tokens_are_kept(options, expected):
    assert kept(LOGITS, **options) == expected


def test_kept_tokens_keep_their_proportions():
    got = filter_logits(LOGITS, SamplingConfig(top_k=2)).softmax(-1)
    torch.testing.assert_close(got, torch.tensor([[2 / 3, 1 / 3, 0, 0, 0]]))


def test_each_row_has_its_own_filter():
    logits = torch.stack([LOGITS[0], LOGITS[0].flip(0), torch.zeros(5)])
    got = filter_logits(logits, SamplingConfig(top_p=0.6)).isfinite().tolist()
    assert got == [
        [True, True, False, False, False],
        [False, False, False, True, True],
        [True, True, True, False, False],
    ]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [1e-4, 1e-30, 5e-324])
def test_tiny_temperatures_are_greedy_in_every_precision(dtype, temperature):
    logits = torch.tensor([[60000.0, 59000.0, -60000.0, -math.inf]], dtype=dtype)
    filtered = filter_logits(logits, SamplingConfig(temperature, top_p=0.9))
    assert filtered.dtype == torch.float32
    assert filtered.softmax(-1).tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert sample(logits, SamplingConfig(temperature), row_generators(0, 1)).tolist() == [0]


@pytest.mark.parametrize("temperature", [0.5, 1e6])
def test_temperature_divides_the_logits(temperature):
    got = filter_logits(LOGITS, SamplingConfig(temperature)).softmax(-1)
    torch.testing.assert_close(got, (LOGITS / temperature).softmax(-1))


def test_frequencies_are_the_probabilities():
    rows = 4000
    drawn = sample(LOGITS.expand(rows, -1), SamplingConfig(), row_generators(0, rows))
    got = drawn.bincount(minlength=5) / rows
    assert (got - PROBABILITIES[0]).abs().max() < 0.03  # about four standard deviations


def test_an_impossible_token_is_never_drawn():
    logits = torch.full((2000, 7), -math.inf)
    logits[:, [2, 5]] = torch.tensor([0.0, -3.0])
    assert set(sample(logits, SamplingConfig(), row_generators(5, 2000)).tolist()) == {2, 5}


def test_a_row_does_not_depend_on_the_others():
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    together = sample(logits, SamplingConfig(), row_generators(7, 4))
    alone = [sample(logits[i : i + 1], SamplingConfig(), row_generators(7 + i, 1)).item() for i in range(4)]
    assert together.tolist() == alone


def test_global_random_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    sample(LOGITS, SamplingConfig(), row_generators(None, 1))
    assert torch.equal(before, torch.random.get_rng_state())


def test_seeds():
    assert row_generators(None, 1)[0].initial_seed() != row_generators(None, 1)[0].initial_seed()
    assert [g.initial_seed() for g in row_generators(3, 3)] == [3, 4, 5]
    assert len(row_generators(-1, 2)) == len(row_generators(10**30, 2)) == 2


def test_greedy_draws_no_random_number():
    generators = row_generators(0, 1)
    before = generators[0].get_state()
    assert sample(LOGITS, SamplingConfig(0.0), generators).tolist() == [0]
    assert torch.equal(before, generators[0].get_state())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_numbers(bad, temperature):
    logits = torch.zeros(2, 3)
    logits[1, 2] = bad
    with pytest.raises(UserError, match="diverged"):
        sample(logits, SamplingConfig(temperature), row_generators(0, 2))
    with pytest.raises(UserError, match="diverged"):
        sample(torch.full((1, 3), -math.inf), SamplingConfig(temperature), row_generators(0, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature: 0 <= temperature <= 1e6; got -0.1"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_p": -0.5}, "top_p"),
        ({"min_p": 2.0}, "min_p"),
        ({"min_p": math.nan}, "min_p"),
    ],
)
def test_values_out_of_range(options, message):
    with pytest.raises(UserError, match=message):
        SamplingConfig(**options)
    with pytest.raises(UserError, match=message):
        SamplingConfig.from_dict(options)


def test_every_way_to_sample_has_every_field():
    """A new field is one of the config, of the keyword arguments and of the commands, with one range."""
    from rnnzoo.cli.sampling_options import SAMPLING

    assert [*SamplingFields.__annotations__] == [*SAMPLING_FIELDS] == [*SAMPLING]
    for name, (kind, _, _) in SAMPLING.items():
        for word, right in (("0", True), ("-1", False), ("1", True), ("nan", False)):
            if right:
                SamplingConfig(**{name: kind(word)})
            else:
                with pytest.raises(argparse.ArgumentTypeError):
                    kind(word)


def test_fields_by_name_or_a_whole_config():
    assert sampling_of(None, {}) == SamplingConfig()
    assert sampling_of(None, {"top_p": 0.5}) == SamplingConfig(top_p=0.5)
    assert sampling_of(SamplingConfig(top_k=3), {}) == SamplingConfig(top_k=3)
    with pytest.raises(TypeError, match="one or the other"):
        sampling_of(SamplingConfig(), {"top_p": 0.5})
    with pytest.raises(TypeError, match="unexpected keyword argument 'topp'"):
        sampling_of(None, {"topp": 0.5})
