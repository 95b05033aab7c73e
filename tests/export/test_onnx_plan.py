"""The backends `onnx` and `onnx-int8`: the model's own text, and nearly its own numbers."""

from __future__ import annotations

import pytest
import torch
from every_cell import ALPHABET
from small_translator import small_translator

from rnnzoo import state as states
from rnnzoo.inference.plans import prepare
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(3)
    fields = {"embedding_dim": 32, "backbone": {"cell": "lstm", "hidden_size": 64}}
    model = LanguageModelConfig.from_dict(fields).build(CharTokenizerConfig().build([ALPHABET])).eval()
    with torch.no_grad():
        model.head.weight.mul_(8)  # as decided as a trained one
    return model


def test_text_is_the_models_own(model: LanguageModel) -> None:
    options = {"max_new_tokens": 60, "temperature": 0.7, "seed": 4, "num": 2}
    assert model.generate("abc", backend="onnx", **options) == model.generate("abc", backend="plain", **options)


@torch.no_grad()
def test_eight_bits_are_near(model: LanguageModel) -> None:
    """On random weights; what they do to a trained model is printed by `python -m benchmarks.onnx`."""
    plan, state = prepare(model, "onnx-int8"), model.initial_state(8)
    ours, worst = state, 0.0
    for _ in range(50):
        tokens = torch.randint(model.vocab_size, (8,))
        before = states.map(torch.clone, ours)
        logits, state = model.step(tokens, state)
        said, new = plan.step(tokens, ours)
        assert all(map(torch.equal, states.leaves(ours), states.leaves(before)))  # nothing given is changed
        worst, ours = max(worst, float((said - logits).abs().max() / logits.std())), new
    assert 0 < worst < 0.25


def test_translations_are_the_models_own() -> None:
    model, sentences = small_translator().eval(), ["abc, de.", "fg", "hhhh a."]
    assert model.translate(sentences, backend="onnx") == model.translate(sentences, backend="plain")


@torch.no_grad()
def test_states_in_any_order(model: LanguageModel) -> None:
    """A plan is asked by several sessions in turn: each gets what follows its own state, an old one, too."""
    plan, tokens = prepare(model, "onnx"), torch.tensor([1, 2])
    first = model.initial_state(2)
    there = plan.step(tokens, first)[1]
    elsewhere = plan.step(tokens + 3, first)[1]
    for state in (there, elsewhere, there, first, elsewhere):
        logits, new = plan.step(tokens, state)
        expected, after = model.step(tokens, state)
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)
        torch.testing.assert_close(states.leaves(new), states.leaves(after), rtol=0, atol=1e-4)


@torch.no_grad()
def test_memories_in_any_order() -> None:
    model = small_translator().eval()
    plan, tokens = prepare(model, "onnx"), torch.tensor([1])
    sources = [torch.tensor([[0, 1, 2, 3]]), torch.tensor([[4, 5]])]
    read = [model.encode(src, torch.tensor([src.size(1)])) for src in sources]
    for state, memory in (*read, *read, (read[0][0], read[1][1])):
        logits, _ = plan.step(tokens, state, memory)
        torch.testing.assert_close(logits, model.step(tokens, state, memory)[0], rtol=0, atol=1e-4)
