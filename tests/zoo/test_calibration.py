"""Temperature scaling: the number that is fitted is the best one, it is kept, and nothing else changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.errors import UserError
from rnnzoo.inference import plans
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import calibrate, load, measure, save_folder

TOKENIZER = CharTokenizerConfig().build(["abcdefgh\n"])


def build(**fields: Any) -> LanguageModel:
    torch.manual_seed(0)
    base: dict[str, Any] = {"embedding_dim": 6, "backbone": {"cell": "lstm", "hidden_size": 6}}
    return LanguageModelConfig.from_dict(base | fields).build(TOKENIZER)


def text_of(model: LanguageModel, tokens: int = 3000) -> np.ndarray[Any, Any]:
    """What the model itself writes: to it the model's own temperature is the right one."""
    return model.tokenizer.encode(model.generate(max_new_tokens=tokens, seed=1)[0])


@pytest.mark.parametrize("fields", [{}, {"tied": True}], ids=str)
@pytest.mark.parametrize("factor", [0.7, 1.0, 2.0])
def test_a_model_that_is_too_sure_is_cooled(fields: dict[str, Any], factor: float) -> None:
    model = build(**fields)
    with torch.no_grad():  # decided, as a trained one is, and it never says what cannot be written
        model.head.weight.mul_(20)  # type: ignore[operator]
        model.head.bias[model.tokenizer.unwritten] = -30.0  # type: ignore[index]
    ids = text_of(model)
    model.set_output_temperature(1 / factor)  # `factor` times as sure as it was when it wrote
    found = calibrate(model, ids, 4)
    assert found.temperature == pytest.approx(1, abs=0.1)
    assert found.before == pytest.approx(measure(model, ids, 4).nll, abs=1e-3)
    assert found.before - found.nll >= (0 if factor == 1 else 0.02)
    tried = {}
    for temperature in (found.temperature, 0.9 * found.temperature, 1.1 * found.temperature):
        model.set_output_temperature(temperature)
        tried[temperature] = measure(model, ids, 4).nll
    assert min(tried, key=tried.__getitem__) == found.temperature
    assert tried[found.temperature] == pytest.approx(found.nll, abs=1e-3)
    assert found.crossed is not None
    assert found.nll - 1e-4 <= found.crossed <= found.nll + 1e-2


def test_the_model_is_left_as_it_is() -> None:
    model = build().train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    calibrate(model, np.arange(500) % 9)
    assert model.training
    assert model.config == build().config
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_a_text_of_one_piece_has_no_halves() -> None:
    assert calibrate(build(), np.arange(2)).crossed is None


def test_an_adaptive_softmax_has_no_temperature() -> None:
    model = build(adaptive_cutoffs=[4])
    with pytest.raises(UserError, match="adaptive softmax has no logits"):
        calibrate(model, np.arange(50) % 9)
    with pytest.raises(ValueError, match="exclude each other"):
        model.set_output_temperature(2.0)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_temperatures_that_there_are_not(value: float) -> None:
    with pytest.raises(UserError, match="0 < output_temperature"):
        build(output_temperature=value)
    with pytest.raises(ValueError, match="0 < output_temperature"):
        build().set_output_temperature(value)


@torch.no_grad()
def test_every_way_to_the_logits_knows_it(tmp_path: Path) -> None:
    model = build().eval()
    tokens, state = torch.tensor([1, 2]), model.initial_state(2)
    plain = model.step(tokens, state)[0]
    stale = plans.plan_of(model).step(tokens, state)[0]
    model.set_output_temperature(1.25)
    said = {
        "step": model.step(tokens, state)[0],
        "forward": model(tokens[:, None], state)[0][:, 0],
        "plan": plans.plan_of(model).step(tokens, state)[0],
    }
    save_folder(tmp_path / "saved", model, task="char_lm")
    saved = load(tmp_path / "saved", kind=LanguageModel)
    assert saved.config.output_temperature == 1.25
    said["loaded"] = saved.step(tokens, state)[0]
    torch.testing.assert_close(stale, plain)
    for logits in said.values():
        torch.testing.assert_close(logits, plain / 1.25)
    nll = torch.nn.functional.cross_entropy(plain / 1.25, tokens, reduction="sum")
    torch.testing.assert_close(model.nll(tokens[:, None], tokens[:, None], state)[0], nll)
    more = CharTokenizerConfig().build(["abcdefgh\nxyz"])
    if more.token_texts()[: model.vocab_size] == model.tokenizer.token_texts():
        assert model.with_tokenizer(more).config.output_temperature == 1.25
