"""Other dropouts for a model that is trained further: the weights are the same, what falls on them is not."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel, LanguageModelConfig, Seq2Seq, Seq2SeqConfig
from rnnzoo.text import CharTokenizer
from rnnzoo.training import DropoutConfig

TOKENIZER = CharTokenizer(list("abcdefg"))
NAMES = [field.name for field in dataclasses.fields(DropoutConfig)]


def stack(cell: str = "lstm", **options: float) -> StackConfig:
    return StackConfig(cell=CellConfig.from_dict({"name": cell}), hidden_size=5, num_layers=2, **options)  # type: ignore[arg-type]


def language_model(cell: str = "lstm", **options: float) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModelConfig(embedding_dim=5, tied=True, backbone=stack(cell, **options)).build(TOKENIZER)


def translator(**options: float) -> Seq2Seq:
    torch.manual_seed(0)
    halves = {"encoder": stack("gru", **options), "decoder": stack("gru", **options)}
    return Seq2SeqConfig(embedding_dim=5, shared="all", **halves).build(TOKENIZER)  # type: ignore[arg-type]


def said(model: LanguageModel | Seq2Seq, name: str) -> set[float]:
    """What the config of `model` says of the dropout `name`, in all places."""
    config = model.config
    if name not in ("hidden", "weight"):
        return {getattr(config, f"{name}_dropout")}
    stacks = (config.backbone,) if isinstance(config, LanguageModelConfig) else (config.encoder, config.decoder)
    return {getattr(stack, f"{name}_dropout") for stack in stacks}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("build", [language_model, translator])
@pytest.mark.parametrize("before", [0.0, 0.2])
def test_one_changes_and_the_others_stay(build, name: str, before: float) -> None:  # type: ignore[no-untyped-def]
    model = build(hidden_dropout=before, weight_dropout=before)
    changed = DropoutConfig(**{name: 0.5}).on(model)
    for other in NAMES:
        assert said(changed, other) == ({0.5} if other == name else said(model, other))
    off = DropoutConfig(**dict.fromkeys(NAMES, 0.0)).on(changed)
    assert all(said(off, other) == {0.0} for other in NAMES)
    ids = torch.randint(7, (3, 6), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    with torch.no_grad():
        results = [_logits(one.train(), ids) for one in (changed, off)]
        plain = _logits(model.eval(), ids)
    torch.testing.assert_close(
        results[1], plain
    )  # without dropout in training, too: the weights are those of the model
    assert not torch.allclose(results[0], plain)  # it does fall
    assert changed.num_parameters == off.num_parameters == model.num_parameters  # what was shared is


def _logits(model: LanguageModel | Seq2Seq, ids: torch.Tensor) -> torch.Tensor:
    if isinstance(model, LanguageModel):
        return model(ids)[0]
    return model(ids, torch.full((len(ids),), ids.size(1)), ids)


def test_nothing_said_is_the_model_itself() -> None:
    model = language_model(hidden_dropout=0.3)
    assert DropoutConfig().on(model) is model
    assert not DropoutConfig()
    assert str(DropoutConfig(hidden=0.5, output=0.0)) == "hidden 0.5, output 0"


def test_a_cell_without_recurrent_weights_has_nothing_to_drop() -> None:
    with pytest.raises(UserError, match="'mingru' has no recurrent weights to drop"):
        DropoutConfig(weight=0.5).on(language_model("mingru"))


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_a_share_of_all_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="0 <= output < 1"):
        DropoutConfig(output=value)
