"""What `trace` says against the model's own step and score, and that every figure draws it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_translator import small_translator

from rnnzoo import plot
from rnnzoo.errors import UserError
from rnnzoo.inference.trace import Trace
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizer

TEXT = "abca, cab"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(1)
    fields = {"embedding_dim": 6, "init_range": 0.7, "backbone": {"cell": "lstm", "hidden_size": 7, "num_layers": 2}}
    return LanguageModelConfig.from_dict(fields).build(CharTokenizer("abc, \n")).eval()


@pytest.fixture(scope="module")
def found(model: LanguageModel) -> Trace:
    return model.trace(TEXT)


def test_a_trace_is_what_the_model_says(model: LanguageModel, found: Trace) -> None:
    assert found.tokens == list(TEXT)
    ids = model.tokenizer.encode(TEXT).tolist()
    said = model(torch.tensor([ids]))[0][0].log_softmax(-1).detach()
    bits = [-float(said[i, token]) / np.log(2) for i, token in enumerate(ids[1:])]
    np.testing.assert_allclose(found["surprisal"][1:], bits, atol=1e-5)
    state = model.initial_state(1)
    for place, token in enumerate(ids):
        _, state = model.step(torch.tensor([token]), state)
        np.testing.assert_allclose(found["unit.1.h"][place], state[1].h[0].detach(), atol=1e-6)
    assert {name.partition(".")[0] for name in found} == {"surprisal", "unit", "gate", "influence"}
    assert all(found[name].min() >= 0 and found[name].max() <= 1 for name in found if name.startswith("gate"))


def test_influence_is_of_a_token_that_was_another(model: LanguageModel, found: Trace) -> None:
    """Of the last token but two: the likeliest other one there, and how much the last prediction moves by it."""
    ids = torch.tensor([model.tokenizer.encode(TEXT).tolist()])
    with torch.no_grad():
        said, _ = model(ids)
        other = next(one for one in said[0, -4].argsort(descending=True).tolist() if one != ids[0, -3])
        changed = ids.clone()
        changed[0, -3] = other
        p, q = (model(each)[0][0, -1].double().softmax(-1) for each in (ids, changed))
    assert found["influence"][2] == pytest.approx(float((p - q).abs().sum() / 2), abs=1e-5)
    assert len(found["influence"]) == len(TEXT)


def test_every_figure(model: LanguageModel, found: Trace) -> None:
    translation = small_translator().eval().trace("abc")
    drawn = {
        "surprisal": plot.surprisal(found),
        "unit": plot.unit(found, "0.h", 3),
        "gates": plot.gates(found),
        "influence": plot.influence(found, model.trace("cab"), labels=("one", "other")),
        "attention": plot.attention(translation),
        "next_tokens": plot.next_tokens(model.next_tokens("ab", 4)),
    }
    assert set(drawn) == set(plot.__all__)
    (bars,) = drawn["surprisal"].axes
    np.testing.assert_allclose([bar.get_height() for bar in bars.patches], found["surprisal"], atol=1e-6)
    np.testing.assert_allclose([bar.get_height() for bar in drawn["unit"].axes[0].patches], found["unit.0.h"][:, 3])
    np.testing.assert_allclose(drawn["attention"].axes[0].images[0].get_array(), translation["attention"])
    assert len(drawn["influence"].axes[0].lines) == 3  # two models, and where a change counts as none
    assert len(drawn["next_tokens"].axes[0].patches) == 4


def test_what_a_trace_does_not_have(found: Trace) -> None:
    with pytest.raises(UserError, match="this trace has no attention: it has surprisal"):
        plot.attention(found)
    with pytest.raises(UserError, match=r"0\.h has units 0 to 6, not 7"):
        plot.unit(found, "0.h", 7)
