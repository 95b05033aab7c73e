"""Beam search against enumeration, a separate greedy loop, and itself on one sentence at a time."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import torch
from search_models import EOS, Carried, Model, every_hypothesis, log_probs, random_model, ranked, same

from rnnzoo.decoding import Hypothesis, SearchConfig, beam_search
from rnnzoo.errors import UserError

PENALTIES = ("none", "average", "wu")


def search(model: Model, config: SearchConfig, max_lens: Any, eos: int | None = EOS, **rest: Any):
    return beam_search(
        model.step, model.start, model.state, model.memory, eos=eos, config=config, max_lens=max_lens, **rest
    )


@pytest.mark.parametrize("part", range(4))
def test_a_beam_as_wide_as_all_sequences_finds_what_enumeration_finds(part):
    """1,000 models; the n best for every length penalty, so that no early end loses one."""
    for seed in range(part, 1000, 4):
        draw = random.Random(seed)
        vocab_size = draw.choice([2, 3, 4])
        limit = draw.randint(1, 4 if vocab_size < 4 else 3)
        model = random_model(seed, vocab_size)
        wide = vocab_size**limit
        everything = every_hypothesis(model, limit)
        for penalty in PENALTIES:
            nbest = draw.choice([1, min(2, wide), wide])
            config = SearchConfig(wide, nbest, penalty, alpha=draw.choice([0.3, 1.0, 2.0]))
            same(search(model, config, limit)[0], ranked(everything, config))


@pytest.mark.parametrize("seed", range(40))
def test_rules_leave_what_enumeration_leaves(seed):
    draw = random.Random(seed)
    model, limit = random_model(seed, 3), 4
    size, least = draw.choice([0, 1, 2, 3]), draw.choice([0, 1, 2])
    prefix = tuple(draw.choice([1, 2]) for _ in range(draw.choice([0, 0, 1, 2])))

    def allowed(tokens: tuple[int, ...], ended: bool) -> bool:
        if tokens[: len(prefix)] != prefix or (ended and len(tokens) < max(least, len(prefix))):
            return False
        grams = [tokens[i : i + size] for i in range(len(tokens) - size + 1)] if size else []
        again = [at for at, gram in enumerate(grams) if gram in grams[:at]]
        return all(at + size <= len(prefix) for at in again)  # what was forced may repeat itself

    config = SearchConfig(81, 81, draw.choice(PENALTIES), no_repeat_ngram=size, min_len=least)
    got = search(model, config, limit, prefix=[prefix])[0]
    expected = ranked(every_hypothesis(model, limit), config, allowed)
    complete = [h for h in got if h.finished or len(h.tokens) == limit]
    same(complete, expected)
    for stuck in (h for h in got if h not in complete):  # too short to end, and every token would repeat one
        assert size == 1
        assert set(stuck.tokens) == {1, 2}
        assert len(stuck.tokens) < least or len(prefix) > len(stuck.tokens)


def greedy(model: Model, limit: int) -> Hypothesis:
    """One sentence, one token after the other."""
    token, state, tokens, total = model.start, model.state, [], 0.0
    for _ in range(limit):
        logits, state = model.step(token, state, model.memory)
        token = logits.argmax(1)
        total += logits.log_softmax(1)[0, token].item()
        if token.item() == EOS:
            return Hypothesis(tuple(tokens), total / (len(tokens) + 1), total, True)
        tokens.append(int(token))
    return Hypothesis(tuple(tokens), total / limit, total, False)


def test_a_beam_of_one_is_greedy():
    ended = 0
    for seed in range(100):
        model = random_model(seed, 5 + seed % 20, num=3)
        limits = [1 + (seed + row) % 15 for row in range(3)]
        expected = [[greedy(model.only(row), limit)] for row, limit in enumerate(limits)]
        for got, one in zip(search(model, SearchConfig(1), limits), expected, strict=True):
            same(got, one)
            ended += one[0].finished
    assert 50 < ended < 250  # both ways to end were seen


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_a_sentence_gets_what_it_gets_alone(dtype, tolerance):
    """Whatever the batch, its order, the limits and prefixes of the others, and what stands in the padding."""
    for seed in range(40):
        draw = random.Random(seed)
        num, vocab_size = 6, 12
        model = random_model(seed, vocab_size, num, dtype)
        limits = [draw.randint(4, 20) for _ in range(num)]
        prefix = [[draw.randrange(1, vocab_size) for _ in range(draw.randrange(3))] for _ in range(num)]
        beam = draw.randint(1, 7)
        config = SearchConfig(
            beam,
            draw.randint(1, beam),
            draw.choice(PENALTIES),
            draw.choice([0.5, 1.0]),
            no_repeat_ngram=draw.choice([0, 2]),
            min_len=draw.choice([0, 3]),
        )
        together = search(model, config, limits, prefix=prefix)
        for row in range(num):
            alone = search(model.only(row), config, limits[row], prefix=[prefix[row]])[0]
            same(together[row], alone, tolerance)
        order = draw.sample(range(num), num)
        again = search(
            model.only(*order), config, torch.tensor([limits[row] for row in order]), prefix=[prefix[i] for i in order]
        )
        for place, row in enumerate(order):
            same(again[place], together[row], tolerance)


def test_hypotheses_are_sorted_different_and_worth_what_they_say():
    for seed in range(40):
        model = random_model(seed, 9, num=2)
        config = SearchConfig(6, 6, PENALTIES[seed % 3], alpha=0.7)
        for row, found in enumerate(search(model, config, [12, 7])):
            assert len(found) == 6
            assert len({h.tokens for h in found}) == 6
            keys = [(h.finished, h.score) for h in found]
            assert keys == sorted(keys, reverse=True)
            for h in found:
                assert EOS not in h.tokens
                assert h.finished or len(h.tokens) == (12, 7)[row]
                symbols = (*h.tokens, EOS) if h.finished else h.tokens
                assert len(symbols) <= (12, 7)[row]
                assert log_probs(model.only(row), [symbols]).item() == pytest.approx(h.log_prob, abs=1e-10)
                assert h.score == h.log_prob / config.penalty(float(len(symbols)))


def test_where_nothing_ends_all_are_as_long_as_the_limit():
    for seed in range(20):
        model = random_model(seed, 3)
        config = SearchConfig(27, 27)
        same(search(model, config, 3, eos=None)[0], ranked(every_hypothesis(model, 3, eos=None), config))


def chain(*rows: list[float]) -> dict[str, Any]:
    """A model that says, step by step, these probabilities, whatever was read."""
    logits = torch.tensor(rows, dtype=torch.float64).log()

    def step(tokens: torch.Tensor, state: torch.Tensor, memory: Any) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(len(tokens))
        return logits[state], state + 1

    calls: list[int] = []
    return {"step": step, "calls": calls}


def run(model: dict[str, Any], config: SearchConfig, limit: int, num: int = 1, eos: int | None = EOS, **rest: Any):
    zeros = torch.zeros(num, dtype=torch.int64)
    return beam_search(model["step"], zeros, zeros, (), eos=eos, config=config, max_lens=limit, **rest)


def test_it_goes_on_while_a_longer_one_could_still_win():
    model = chain([0.6, 0.4], *[[0.01, 0.99]] * 3, [0.99, 0.01], *[[0.5, 0.5]] * 15)
    assert run(model, SearchConfig(2, length_penalty="average"), 20)[0][0].tokens == (1, 1, 1, 1)
    assert run(model, SearchConfig(2, length_penalty="none"), 20)[0][0].tokens == ()


def test_it_stops_when_none_could():
    model = chain([0.6, 0.4], *[[0.1, 0.9]] * 19)
    run(model, SearchConfig(2, length_penalty="none"), 20)
    assert len(model["calls"]) == 1  # 0.4 is below 0.6, and only falls
    model["calls"].clear()
    run(model, SearchConfig(2, length_penalty="average"), 20)
    assert len(model["calls"]) > 1


def test_an_ended_hypothesis_does_not_keep_a_sentence_running():
    """What could still win is measured by those that run: here one of 0.1, beside an ended one of 0.9."""
    model = chain([0.9, 0.1], *[[0.05, 0.95]] * 19)
    run(model, SearchConfig(3, length_penalty="average"), 3)
    assert len(model["calls"]) == 1  # even with no loss more, ln 0.1 / 3 is below ln 0.9


def test_what_has_ended_leaves_the_batch():
    """With each hypothesis that ends: a step never sees more rows than there are hypotheses that run."""
    for seed in range(10):
        model, limits = random_model(seed, 12, num=5), [2, 4, 20, 6, 8]
        search(model, SearchConfig(4, 2), limits)
        together, alone = list(model.calls), []
        for row, limit in enumerate(limits):
            model.calls.clear()
            search(model.only(row), SearchConfig(4, 2), limit)
            alone.append(list(model.calls))
        assert together == [sum(rows) for rows in itertools.zip_longest(*alone, fillvalue=0)]
        assert together[0] == 5  # one hypothesis each
        assert all(later <= earlier for calls in alone for earlier, later in itertools.pairwise(calls[1:]))


def test_a_dead_end_is_a_cut_hypothesis():
    only_ones = torch.tensor([[-torch.inf, 0.0, -torch.inf]], dtype=torch.float64)

    def step(tokens: torch.Tensor, state: torch.Tensor, memory: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return only_ones.expand(len(tokens), 3), state

    found = run({"step": step}, SearchConfig(3, 3, no_repeat_ngram=1), 5)[0]
    assert found == [Hypothesis((1,), 0.0, 0.0, False)]
    found = run({"step": step}, SearchConfig(3, 3), 5, prefix=[[2]])[0]  # impossible
    assert found == [Hypothesis((), 0.0, 0.0, False)]


def test_impossible_tokens_never_come():
    """A vocabulary's padding, for one."""
    for seed in range(20):
        model = random_model(seed, 6, num=2)

        def step(tokens, state, memory, model=model):
            logits, state = model.step(tokens, state, memory)
            return logits.index_fill(1, torch.tensor([5]), -torch.inf), state

        for beam in (1, 5, 40):
            for found in search(model._replace(step=step), SearchConfig(beam, beam), 3):
                assert not any(5 in h.tokens for h in found)
                assert all(h.log_prob > -torch.inf for h in found)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_added_up_in_float32(dtype):
    logits = torch.randn(1, 8, generator=torch.Generator().manual_seed(0)).to(dtype)

    def step(tokens: torch.Tensor, state: torch.Tensor, memory: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return logits.expand(len(tokens), 8), state

    found = run({"step": step}, SearchConfig(1), 6, eos=None)[0][0]
    assert found.log_prob == pytest.approx(6 * logits.float().log_softmax(1).max().item(), rel=1e-6)


def test_what_the_step_gave_is_not_changed_and_no_gradient_is_kept():
    logits = torch.randn(1, 6, requires_grad=True)
    before = logits.detach().clone()

    def step(tokens: torch.Tensor, state: torch.Tensor, memory: Any) -> tuple[torch.Tensor, torch.Tensor]:
        assert not torch.is_grad_enabled()
        return logits if len(tokens) == 1 else logits.expand(len(tokens), 6), state

    run({"step": step}, SearchConfig(1, no_repeat_ngram=1, min_len=3), 5, prefix=[[2]])
    assert torch.equal(logits, before)


def test_no_sentences():
    none = torch.zeros(0, dtype=torch.int64)
    assert beam_search(None, none, none, (), eos=0, config=SearchConfig(), max_lens=3) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam: 1 <= beam"),
        ({"nbest": 0}, "nbest: 1 <= nbest <= 10000; got 0"),
        ({"nbest": 6}, "nbest must be from 1 to the beam, 5, not 6"),
        ({"length_penalty": "long"}, "length_penalty must be none, average or wu, not 'long'"),
        ({"alpha": -1.0}, "alpha: 0 <= alpha <= 1e6; got -1"),
        ({"alpha": float("nan")}, "alpha: 0 <= alpha <= 1e6; got nan"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram: 0 <= no_repeat_ngram <= 1e12; got -1"),
        ({"min_len": -1}, "min_len: 0 <= min_len <= 10000; got -1"),
        ({"max_len": -1}, "max_len: 0 <= max_len <= 10000; got -1"),
        ({"min_len": 4, "max_len": 3}, "min_len, 4, is above max_len, 3"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    with pytest.raises(UserError) as error:
        SearchConfig(**options)
    assert str(error.value).startswith(message)


def test_calls_that_make_no_sense():
    model = random_model(0, 4, num=2)
    with pytest.raises(UserError, match="max_len must be 1 or more, not 0"):
        search(model, SearchConfig(), [3, 0])
    with pytest.raises(UserError, match="min_len, 5, is above max_len, 3"):
        search(model, SearchConfig(min_len=5), [8, 3])
    with pytest.raises(UserError, match="the forced prefix has 3 tokens, more than max_len, 2"):
        search(model, SearchConfig(), 2, prefix=[[], [1, 2, 3]])
    with pytest.raises(ValueError, match="2 rows need as many prefixes, not 1"):
        search(model, SearchConfig(), 2, prefix=[[1]])
    with pytest.raises(ValueError, match="the end symbol is none"):
        search(model, SearchConfig(), 2, prefix=[[1], [EOS]])
    with pytest.raises(ValueError, match="expected 2 rows"):
        search(model._replace(state=Carried({"h": model.state.h["h"][:1]}, model.state.who)), SearchConfig(), 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_not_numbers(value):
    def step(tokens: torch.Tensor, state: torch.Tensor, memory: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full((len(tokens), 3), value), state

    with pytest.raises(UserError, match="not numbers"):
        run({"step": step}, SearchConfig(2), 3)


def test_a_cap_on_all_rows():
    model = random_model(5, 8, num=2)
    capped = search(model, SearchConfig(3, max_len=4), [20, 2], eos=None)
    assert [len(found[0].tokens) for found in capped] == [4, 2]


def test_the_config_is_data():
    config = SearchConfig(7, 2, "wu", 0.6, 3, 1, 50)
    assert SearchConfig.from_dict(config.to_dict()) == config
    with pytest.raises(UserError, match="length_penalty"):
        SearchConfig.from_dict({"length_penalty": "sum"})


def test_penalties():
    lengths = torch.arange(1.0, 9)
    for penalty, alpha in itertools.product(PENALTIES, (0.0, 0.6, 1.0)):
        config = SearchConfig(length_penalty=penalty, alpha=alpha)
        values = config.penalty(lengths)
        assert values.tolist() == pytest.approx([config.penalty(float(n)) for n in lengths])
        assert (values.diff() >= 0).all()  # what the early end relies on
    assert SearchConfig(length_penalty="wu", alpha=0.6).penalty(7.0) == pytest.approx(2**0.6)
