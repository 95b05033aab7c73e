"""Beam search through a language model, against its own scores."""

from __future__ import annotations

import itertools

import pytest
import torch

from rnnzoo.backbones import StackConfig
from rnnzoo.decoding import SamplingConfig, SearchConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.generation.search import search
from rnnzoo.inference.generation.session import Session
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import ByteTokenizer, CharTokenizer

LETTERS = "\nabc"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LanguageModelConfig(4, backbone=StackConfig(hidden_size=6)).build(CharTokenizer(list(LETTERS)))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(3)
    return model.double()


def log_prob(model: LanguageModel, prompt: str, text: str) -> float:
    ids = model.tokenizer.encode(prompt + text)
    with torch.no_grad():
        logits, _ = model.eval()(torch.tensor(ids.tolist()[:-1]).unsqueeze(0))
    targets = torch.tensor(ids.tolist()[1:])
    return logits[0].log_softmax(1)[torch.arange(len(targets)), targets][len(prompt) - 1 :].sum().item()


def test_a_wide_beam_finds_the_most_probable_text(model):
    texts = ["".join(letters) for letters in itertools.product(LETTERS, repeat=4)]
    expected = sorted(texts, key=lambda text: -log_prob(model, "ab", text))
    assert model.generate("ab", max_new_tokens=4, beam=256, num=10) == expected[:10]


def test_a_stop_string_of_one_token_ends_a_text(model):
    texts = ["".join(t) for n in range(4) for t in itertools.product(LETTERS[1:], repeat=n)]
    expected = sorted(texts, key=lambda text: -log_prob(model, "ab", text + "\n") / (len(text) + 1))
    assert model.generate("ab", max_new_tokens=4, beam=256, num=10, stop="\n") == expected[:10]


def test_a_beam_of_one_is_greedy(model):
    assert model.generate("a", max_new_tokens=50, beam=1) == model.generate("a", max_new_tokens=50, temperature=0)


def test_the_session_stays_where_it_is(model):
    session = Session(model, seed=1).feed("abca")
    other = session.fork()
    assert search(session, 7, SearchConfig(3, 3)) == model.generate("abca", max_new_tokens=7, beam=3, num=3)
    assert session.generate(30) == other.generate(30)
    assert search(session, 0, SearchConfig()) == [""]


def test_bytes_that_are_no_text_become_the_replacement_character():
    torch.manual_seed(0)
    model = LanguageModelConfig(4, backbone=StackConfig(hidden_size=4)).build(ByteTokenizer())
    with torch.no_grad():
        model.head.bias[0xC3] = 50
    assert model.generate("a", max_new_tokens=3, beam=2)[0] == "\ufffd" * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam: 1 <= beam"),
        ({"beam": 2, "num": 3}, "nbest must be from 1 to the beam, 2, not 3"),
        ({"beam": 2, "temperature": 0.5}, "draws nothing"),
        ({"beam": 2, "top_k": 5}, "draws nothing"),
        ({"beam": 2, "seed": 0}, "draws nothing"),
        ({"beam": 2, "stop": "ab"}, "stop must be a single one of the model's tokens"),
        ({"beam": 2, "stop": ["a", "b"]}, "stop must be a single one of the model's tokens"),
        ({"beam": 2, "max_new_tokens": -1}, "max_new_tokens must be 0 or more, not -1"),
    ],
)
def test_settings_that_make_no_sense(model, options, message):
    with pytest.raises(UserError, match=message):
        model.generate("ab", **options)


def test_a_whole_sampling_config_goes_through_every_call(model):
    config = SamplingConfig(temperature=0.5, top_k=3, min_p=0.1)
    fields = {"temperature": 0.5, "top_k": 3, "min_p": 0.1}
    options = {"max_new_tokens": 40, "seed": 3}
    (text,) = model.generate("ab", **options, **fields)
    assert model.generate("ab", **options, sampling=config) == [text]
    assert (
        "".join(model.stream("ab", **options, sampling=config))
        == text
        == "".join(model.stream("ab", **options, **fields))
    )
    assert model.session(seed=3).feed("ab").generate(40, config) == [text]
    with pytest.raises(TypeError, match="unexpected keyword argument 'topp'"):
        model.generate("ab", topp=0.5)
    with pytest.raises(UserError, match="draws nothing"):
        model.generate("ab", beam=2, sampling=config)
