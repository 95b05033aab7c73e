"""The likeliest next tokens and their probabilities."""

from __future__ import annotations

import pytest
import torch
from adaptive import KINDS, WORDS, build

from rnnzoo.errors import UserError
from rnnzoo.text.reading import start_token


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_models_own_probabilities(kind: str) -> None:
    model = build(kind).train()
    prompt = "the zebra sat" if model.tokenizer is WORDS else "abc"
    ids = torch.from_numpy(model.tokenizer.encode(prompt).astype("int64"))
    found = model.next_tokens(prompt, 4)
    everything = model.next_tokens(prompt, 1000)
    assert model.training
    model.eval()
    with torch.no_grad():
        expected = model(ids[None])[0][0, -1].softmax(-1)
    assert found == everything[:4]
    assert len(everything) == model.vocab_size
    assert dict(everything) == pytest.approx(
        dict(zip(model.tokenizer.token_texts(), expected.tolist(), strict=True)), rel=1e-5
    )
    assert [p for _, p in everything] == sorted((p for _, p in everything), reverse=True)
    assert sum(p for _, p in everything) == pytest.approx(1)


def test_without_a_prompt_it_is_the_models_own_beginning() -> None:
    model = build()
    assert model.next_tokens() == model.next_tokens(model.tokenizer.decode([start_token(model.tokenizer)]))
    assert len(model.next_tokens()) == 10


def test_what_cannot_be_asked() -> None:
    model = build()
    with pytest.raises(UserError, match="1 or more, not 0"):
        model.next_tokens("a", 0)
    with pytest.raises(UserError, match="'Z'"):
        model.next_tokens("Z")
    assert model.next_tokens("aZ", unknown="drop") == model.next_tokens("a")
    torch.nn.init.constant_(model.head.bias, float("nan"))
    with pytest.raises(UserError, match="NaN"):
        model.next_tokens("a")
