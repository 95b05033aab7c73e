"""The plain language model: its steps and its loss, its tied table, and a vocabulary that grows."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.errors import UserError
from rnnzoo.models import IGNORED, LanguageModel, LanguageModelConfig
from rnnzoo.nn import LockedDropout
from rnnzoo.shapes import Tensor
from rnnzoo.text import ByteTokenizer, CharTokenizer

LETTERS = CharTokenizer("\nabcdefg")

MODELS = {
    name: LanguageModelConfig(6, backbone=StackConfig(CellConfig.from_dict(name), hidden_size=6, num_layers=2))
    for name in builtin_cells()
} | {
    "tied": LanguageModelConfig(6, backbone=StackConfig(hidden_size=6), tied=True),
    "dropouts": LanguageModelConfig(
        6, 0.5, 0.5, StackConfig(hidden_size=6, num_layers=2, hidden_dropout=0.5, weight_dropout=0.5), 0.5
    ),
}
models = pytest.mark.parametrize("config", [pytest.param(config, id=name) for name, config in MODELS.items()])


def build(config: LanguageModelConfig = MODELS["lstm"]) -> LanguageModel:
    torch.manual_seed(0)
    model = config.build(LETTERS).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def tied(**options: Any) -> LanguageModel:
    return build(MODELS["tied"].replace(**options))


def tokens(batch: int = 3, steps: int = 7) -> Tensor:
    return torch.randint(LETTERS.vocab_size, (batch, steps))


def midway(model: LanguageModel, batch: int = 3) -> Any:
    return states.map(torch.randn_like, model.initial_state(batch))


# -- steps, chunks, loss ---------------------------------------------------------------------------------------------


@models
def test_step_equals_forward(config: LanguageModelConfig) -> None:
    model, read = build(config), tokens()
    state = start = midway(model)
    want, final = model(read, start)
    assert want.shape == (3, 7, 8)
    for t in range(7):
        logits, state = model.step(read[:, t], state)
        torch.testing.assert_close(logits, want[:, t])
    for got, expected in zip(states.leaves(state), states.leaves(final), strict=True):
        torch.testing.assert_close(got, expected)


@models
def test_a_state_is_begun_where_none_is_given(config: LanguageModelConfig) -> None:
    model, read = build(config), tokens()
    torch.testing.assert_close(model(read)[0], model(read, model.initial_state(3))[0])


@models
def test_chunks_have_the_nll_and_the_gradients_of_the_whole(config: LanguageModelConfig) -> None:
    model, read, targets = build(config), tokens(), tokens()
    start = midway(model)
    whole, _ = model.nll(read, targets, start)
    want = torch.autograd.grad(whole, list(model.parameters()))
    total, state = torch.zeros(()), start
    for a, b in zip(read.split([1, 4, 2], 1), targets.split([1, 4, 2], 1), strict=True):
        part, state = model.nll(a, b, state)
        total = total + part
    torch.testing.assert_close(total.double(), whole.double(), rtol=1e-6, atol=1e-6)
    for got, expected in zip(torch.autograd.grad(total, list(model.parameters())), want, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_nll_is_a_sum_in_nats_without_the_ignored() -> None:
    model, read, targets = build(), tokens(), tokens()
    targets[0, :3] = targets[2, 6] = IGNORED
    logits, _ = model(read)
    by_hand = torch.zeros((), dtype=torch.float64)
    for row in range(3):
        for t in range(7):
            if targets[row, t] != -100:
                by_hand -= logits[row, t].log_softmax(-1)[targets[row, t]]
    nll, final = model.nll(read, targets)
    assert nll.item() == pytest.approx(by_hand.item(), rel=1e-6)
    states.check(final, 3)


def test_nll_of_nothing_is_zero_and_has_no_nan_gradient() -> None:
    model, read = build(), tokens()
    nothing = torch.full_like(read, IGNORED)
    nll, _ = model.nll(read, nothing)
    assert nll.item() == 0
    for gradient in torch.autograd.grad(nll, list(model.parameters()), materialize_grads=True):
        assert not gradient.any()
    assert model.nll(read[:, :0], read[:, :0])[0].item() == 0


def test_an_ignored_target_has_no_gradient() -> None:
    """Its logits get none, so what it would have been does not matter."""
    model, read, targets = build(), tokens(1), tokens(1)
    targets[0, -1] = IGNORED
    short, _ = model.nll(read[:, :-1], targets[:, :-1])
    full, _ = model.nll(read, targets)
    for a, b in zip(*(torch.autograd.grad(x, list(model.parameters())) for x in (full, short)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_the_loss_of_half_precision_logits_is_computed_in_single() -> None:
    model, read = build().bfloat16(), tokens()
    nll, _ = model.nll(read, read)
    assert nll.dtype == torch.float32
    logits, _ = model(read)
    want = F.cross_entropy(logits.float().flatten(0, 1), read.flatten(), reduction="sum")
    assert nll.item() == pytest.approx(want.item(), rel=1e-6)


def test_a_fresh_model_is_nearly_indifferent() -> None:
    for config in (MODELS["lstm"], MODELS["tied"]):
        model = config.build(LETTERS).eval()
        nll, _ = model.nll(tokens(8, 50), tokens(8, 50))
        assert nll.item() / 400 == pytest.approx(torch.tensor(8.0).log().item(), abs=0.4)


# -- dropout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["embedding_dropout", "input_dropout", "output_dropout"])
def test_each_dropout_acts_in_training_only(setting: str) -> None:
    model, read = build(MODELS["lstm"].replace(**{setting: 0.5})), tokens()
    still = model(read)[0]
    assert torch.equal(model(read)[0], still)
    assert torch.allclose(build()(read)[0], still)
    model.train()
    assert not torch.allclose(model(read)[0], model(read)[0])


def test_locked_dropout_is_locked_before_and_after_the_stack_too() -> None:
    backbone = StackConfig(hidden_size=6, locked_dropout=True)
    model = build(LanguageModelConfig(6, input_dropout=0.5, output_dropout=0.5, backbone=backbone)).train()
    assert isinstance(model.input_dropout, LockedDropout)
    hidden, _ = model.hidden(tokens(steps=20))
    gone = hidden == 0
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    assert gone.any()
    assert isinstance(build().input_dropout, nn.Dropout)


# -- tied weights ------------------------------------------------------------------------------------------------------


def assert_tied(model: LanguageModel) -> None:
    assert model.head.weight is model.embedding.weight
    assert len(list(model.parameters())) == len(dict(model.named_parameters(remove_duplicate=False))) - 1


def test_tied_is_one_tensor_counted_once() -> None:
    assert_tied(tied())
    loose = build(MODELS["tied"].replace(tied=False))
    assert loose.head.weight is not loose.embedding.weight
    assert loose.num_parameters - tied().num_parameters == 8 * 6


def test_tied_needs_equal_sizes() -> None:
    with pytest.raises(ValueError, match=r"tied: embedding_dim is 5, the stack's output 6"):
        tied(embedding_dim=5)


@pytest.mark.parametrize("assign", [False, True])
def test_tied_stays_tied_when_loaded(assign: bool) -> None:
    source, model, read = tied(), tied(), tokens()
    with torch.no_grad():
        source.embedding.weight.add_(1)
    weights = {name: weight.clone() for name, weight in source.state_dict().items()}  # as files hold them
    model.load_state_dict(weights, strict=True, assign=assign)
    assert_tied(model)
    assert torch.equal(model(read)[0], source(read)[0])


def test_tied_stays_tied_inside_another_module_that_is_loaded() -> None:
    outer = nn.ModuleDict({"model": tied()})
    outer.load_state_dict({n: w.clone() for n, w in outer.state_dict().items()}, assign=True)
    model = outer["model"]
    assert isinstance(model, LanguageModel)
    assert_tied(model)


def test_tied_stays_tied_in_copies_moves_and_from_the_meta_device() -> None:
    model = tied()
    assert_tied(copy.deepcopy(model))
    assert copy.deepcopy(model).head.weight is not model.head.weight
    assert_tied(copy.deepcopy(model).to(torch.float32))
    assert_tied(copy.deepcopy(model).half().double())
    assert_tied(nn.Sequential(copy.deepcopy(model)).to("meta")[0])  # type: ignore[arg-type]
    with torch.device("meta"):
        empty = MODELS["tied"].build(LETTERS)
    empty.to_empty(device="cpu")
    assert_tied(empty)
    read = tokens()
    empty.double().eval().load_state_dict(model.state_dict())
    assert torch.equal(empty(read)[0], model(read)[0])


def test_tied_stays_tied_through_a_file_and_an_optimiser_step(tmp_path: Path) -> None:
    torch.save(tied().state_dict(), tmp_path / "weights.pt")
    model = tied()
    model.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True), assign=True)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.embedding.weight.detach().clone()
    model.nll(tokens(), tokens())[0].backward()
    optimiser.step()
    assert_tied(model)
    assert not torch.equal(model.head.weight, before)


def test_tied_gradient_is_the_sum_of_both_uses() -> None:
    model, read, targets = tied(), tokens(), tokens()
    loose = build(MODELS["tied"].replace(tied=False))
    loose.load_state_dict(model.state_dict())
    (both,) = torch.autograd.grad(model.nll(read, targets)[0], [model.embedding.weight])
    one, two = torch.autograd.grad(loose.nll(read, targets)[0], [loose.embedding.weight, loose.head.weight])
    torch.testing.assert_close(both, one + two, rtol=1e-5, atol=1e-6)


# -- a larger vocabulary -----------------------------------------------------------------------------------------------


@models
def test_known_rows_are_kept_when_the_vocabulary_grows(config: LanguageModelConfig) -> None:
    model, read = build(config), tokens()
    larger = LETTERS.extend("xyz é")
    grown = model.with_tokenizer(larger)
    assert (grown.vocab_size, grown.tokenizer) == (13, larger)
    assert not grown.training
    assert torch.equal(grown.embedding.weight[:8], model.embedding.weight)
    assert torch.equal(grown.head.weight[:8], model.head.weight)
    # Not to the last bit: a product with more columns may be summed in another order, by instruction set.
    torch.testing.assert_close(grown(read)[0][:, :, :8], model(read)[0], rtol=1e-13, atol=1e-13)
    assert grown.head.bias[8:].tolist() == [model.head.bias.min().item()] * 5
    new = grown.embedding.weight[8:]
    assert len(new.unique(dim=0)) == 5
    assert new.isfinite().all()
    assert (grown.head.weight is grown.embedding.weight) == config.tied
    assert model.vocab_size == 8
    with torch.no_grad():
        grown.head.bias.zero_()
    assert model.head.bias.any()  # a copy, not a view


def test_a_grown_copy_keeps_dtype_and_mode_and_can_be_trained() -> None:
    grown = build().train().with_tokenizer(LETTERS.extend("z"))
    assert grown.training
    assert {p.dtype for p in grown.parameters()} == {torch.float64}
    read = torch.full((1, 3), 8)
    grown.nll(read, read)[0].backward()
    assert grown.embedding.weight.grad is not None
    assert grown.embedding.weight.grad[8].any()


def test_the_same_vocabulary_gives_a_plain_copy() -> None:
    model, read = build(), tokens()
    assert torch.equal(model.with_tokenizer(LETTERS)(read)[0], model(read)[0])


def test_one_known_token_is_enough_to_grow_from() -> None:
    model = MODELS["lstm"].build(CharTokenizer("a"))
    assert all(p.isfinite().all() for p in model.with_tokenizer(CharTokenizer("abc")).parameters())


def test_a_vocabulary_that_begins_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin with the model's own"):
        build().with_tokenizer(CharTokenizer("abcdefg\nz"))
    with pytest.raises(ValueError, match="does not begin with the model's own"):
        build().with_tokenizer(CharTokenizer("\nabc"))


# -- config ------------------------------------------------------------------------------------------------------------


@models
def test_the_config_builds_the_same_model_again(config: LanguageModelConfig) -> None:
    again = LanguageModelConfig.from_dict(config.to_dict())
    assert again == config
    model, twin, read = build(config), again.build(LETTERS).double().eval(), tokens()
    twin.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(twin(read)[0], model(read)[0])


def test_the_vocabulary_is_the_tokenizers() -> None:
    model = LanguageModelConfig(backbone=StackConfig(hidden_size=4)).build(ByteTokenizer())
    assert model.vocab_size == 256
    assert model(torch.tensor([[0, 255]]))[0].shape == (1, 2, 256)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"embedding_dim": 0}, r"model.embedding_dim: 1 <= embedding_dim"),
        ({"input_dropout": 1.0}, r"model.input_dropout: 0 <= input_dropout < 1"),
        ({"backbone": {"hidden_sise": 3}}, r"model\.backbone\.hidden_sise: unknown field \(did you mean 'hidden_size'"),
        ({"backbone": {"cell": "gruu"}}, r"model\.backbone\.cell: unknown cell 'gruu' \(did you mean 'gru'"),
        ({"vocab_size": 3}, r"model\.vocab_size: unknown field"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        LanguageModelConfig.from_dict(values, "model")


# -- precisions ------------------------------------------------------------------------------------------------------


HEADS = {"linear": {}, "tied": {"tied": True}, "adaptive": {"adaptive_cutoffs": (5,)}}


@pytest.mark.parametrize("head", [*HEADS, "tied adaptive"])
@pytest.mark.parametrize("cell", builtin_cells())
def test_every_cell_trains_with_every_head_under_autocast(cell: str, head: str) -> None:
    """The loss and its gradients in bfloat16 are near those in float32; adaptive softmax refused 13 of 16 cells."""
    options = {key: value for part in head.split() for key, value in HEADS[part].items()}
    backbone = StackConfig(CellConfig.from_dict(cell), hidden_size=16)
    torch.manual_seed(0)
    width = CellConfig.from_dict(cell).build(16, 16).output_size  # a table that is tied has the features of the output
    model = LanguageModelConfig(width, backbone=backbone, **options).build(LETTERS)
    read, targets = tokens(2, 5), tokens(2, 5)

    def loss() -> tuple[Tensor, list[Tensor]]:
        features, _ = model.features(read, model.initial_state(2))
        nll = model.nll_of(features, targets)
        return nll, list(torch.autograd.grad(nll, list(model.parameters())))

    whole, gradients = loss()
    with torch.autocast("cpu", torch.bfloat16):
        narrow, others = loss()
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow, whole, rtol=0.05, atol=0.05)
    for one, other in zip(gradients, others, strict=True):
        assert one.dtype == other.dtype
        assert other.isfinite().all()
