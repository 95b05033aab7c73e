"""Dropouts: what is dropped, for how long, and what stays when nothing is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rnnzoo.backbones import Stack, StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.nn import LockedDropout, WeightDropout, drop_weights, dropped_embedding, one_mask, raw_parameter

# -- locked dropout ------------------------------------------------------------------------------------------------


def test_locked_the_mask_is_the_same_at_every_step_and_scaled() -> None:
    y = LockedDropout(0.4)(torch.ones(3, 50, 20))
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert y.unique().tolist() == pytest.approx([0.0, 1 / 0.6])


def test_locked_each_row_and_each_call_has_its_own_mask() -> None:
    dropout = LockedDropout(0.5)
    x = torch.ones(2, 4, 64)
    first, second = dropout(x), dropout(x)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)


def test_locked_keeps_the_expectation() -> None:
    y = LockedDropout(0.3)(torch.ones(200, 1, 500))
    assert y.mean() == pytest.approx(1, abs=0.01)  # standard deviation 0.002
    assert (y == 0).double().mean() == pytest.approx(0.3, abs=0.01)


def test_locked_a_single_step_is_a_row_without_time() -> None:
    y = LockedDropout(0.5)(torch.ones(2, 100))
    assert y.shape == (2, 100)
    assert 0 < (y == 0).sum() < 200


def test_locked_steps_drop_alike_where_they_are_one_sequence() -> None:
    dropout, inner = LockedDropout(0.5), nn.Linear(64, 32)
    model = nn.Sequential(dropout, inner, dropout)  # two calls a step, of other widths: two masks
    x = torch.ones(2, 64)

    def zeros() -> Tensor:
        return model(torch.ones(2, 64)) == 0

    with one_mask(model) as begin_step:
        steps = []
        for _ in range(3):
            begin_step()
            steps.append(model(x))
    assert torch.equal(steps[1], steps[0])
    assert torch.equal(steps[2], steps[0])
    with one_mask(model) as begin_step:
        begin_step()
        assert not torch.equal(model(x), steps[0])  # the next sequence has its own
    assert not torch.equal(zeros(), zeros())
    with pytest.raises(ZeroDivisionError), one_mask(model):
        raise ZeroDivisionError
    assert not torch.equal(zeros(), zeros())


def test_locked_is_nothing_at_evaluation_and_for_p_zero() -> None:
    x = torch.randn(2, 3, 4)
    assert LockedDropout(0.5).eval()(x) is x
    assert LockedDropout(0.0)(x) is x
    assert repr(LockedDropout(0.25)) == "LockedDropout(p=0.25)"


def test_locked_the_gradient_is_dropped_with_the_value() -> None:
    x = torch.ones(2, 3, 8, requires_grad=True)
    y = LockedDropout(0.5)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


# -- weight dropout ------------------------------------------------------------------------------------------------

CELLS = ["rnn", "lstm", "gru", "gru_reset_before"]


def dropped(name: str = "lstm", p: float = 0.5, layers: int = 1) -> Stack:
    return StackConfig(cell=CellConfig.from_dict(name), hidden_size=6, num_layers=layers, weight_dropout=p).build(3)


@pytest.mark.parametrize("name", CELLS)
def test_weight_training_differs_from_evaluation_and_from_call_to_call(name: str) -> None:
    stack, x = dropped(name), torch.randn(2, 5, 3)
    first, second = stack(x)[0], stack(x)[0]
    stack.eval()
    still = stack(x)[0]
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, still)
    assert torch.equal(stack(x)[0], still)


@pytest.mark.parametrize("name", CELLS)
def test_weight_at_evaluation_it_is_the_plain_cell(name: str) -> None:
    stack, x = dropped(name).eval(), torch.randn(2, 5, 3)
    plain = CellConfig.from_dict(name).build(3, 6)
    weights = stack.layers[0].state_dict()
    plain.load_state_dict({n.replace("parametrizations.", "").replace(".original", ""): w for n, w in weights.items()})
    torch.testing.assert_close(stack(x)[0], plain(x)[0])
    y, state = stack.step(x[:, 0], stack.initial_state(2))
    torch.testing.assert_close(y, plain(x)[0][:, 0])
    assert state[0].h.shape == (2, 6)


@pytest.mark.parametrize("name", CELLS)
def test_weight_one_mask_serves_the_whole_forward(name: str) -> None:
    """Also where the cell is unrolled and reads its weight at every step."""
    calls = []
    stack = dropped(name, layers=2)
    handles = [m.register_forward_hook(lambda m, i, o: calls.append(o)) for m in stack.modules()
               if isinstance(m, WeightDropout)]  # fmt: skip
    stack(torch.randn(2, 5, 3))
    assert len(handles) == len(calls) == 2
    assert not torch.equal(calls[0], calls[1])
    stack(torch.randn(2, 5, 3))
    assert len(calls) == 4
    assert not torch.equal(calls[0], calls[2])
    share = torch.stack([(mask == 0).double().mean() for mask in calls]).mean()
    assert share == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("name", CELLS)
def test_weight_the_gradient_reaches_the_raw_weight_where_it_was_kept(name: str) -> None:
    torch.manual_seed(0)  # a gate may be shut so far that a gradient is exactly 0
    stack = dropped(name)
    cell = stack.cells[0]
    raw = raw_parameter(cell, "weight_hh")
    seen = []
    next(m for m in stack.modules() if isinstance(m, WeightDropout)).register_forward_hook(
        lambda module, inputs, output: seen.append(output)
    )
    # A state to begin with: at the first step the recurrent weight would meet only zeros.
    start = torch.utils._pytree.tree_map(torch.randn_like, stack.initial_state(2))
    stack(torch.randn(2, 5, 3), start)[0].square().sum().backward()
    assert raw.is_leaf
    assert raw.grad is not None
    kept = seen[0] != 0
    assert raw.grad[kept].abs().min() > 0
    assert not raw.grad[~kept].any()
    optimiser = torch.optim.SGD(stack.parameters(), lr=0.1)
    before = raw.detach().clone()
    optimiser.step()
    assert torch.equal(raw, raw_parameter(cell, "weight_hh"))
    assert torch.equal((raw != before), kept)


def test_weight_only_the_recurrent_weight_is_dropped() -> None:
    cell = dropped().cells[0]
    assert {name for name, _ in cell.named_parameters()} == {
        "weight_ih", "bias_ih", "bias_hh", "parametrizations.weight_hh.original",
    }  # fmt: skip
    assert raw_parameter(cell, "bias_ih") is cell.bias_ih


def test_weight_no_stale_copy_after_the_raw_weight_changes() -> None:
    stack, x = dropped().eval(), torch.randn(2, 5, 3)
    before = stack(x)[0]
    with torch.no_grad():
        raw_parameter(stack.cells[0], "weight_hh").mul_(2)
    assert not torch.allclose(stack(x)[0], before)


def test_weight_survives_deepcopy_state_dict_and_a_move(tmp_path) -> None:  # type: ignore[no-untyped-def]
    stack, x = dropped().eval(), torch.randn(2, 5, 3)
    want = stack(x)[0]
    twin = copy.deepcopy(stack)
    torch.testing.assert_close(twin(x)[0], want)
    with torch.no_grad():
        raw_parameter(twin.cells[0], "weight_hh").zero_()
    torch.testing.assert_close(stack(x)[0], want)

    torch.save(stack.state_dict(), tmp_path / "weights.pt")
    fresh = dropped().eval()
    fresh.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True), strict=True)
    torch.testing.assert_close(fresh(x)[0], want)

    moved = copy.deepcopy(stack).to(torch.float64)
    torch.testing.assert_close(moved(x.double())[0].float(), want)
    moved.train()
    assert not torch.allclose(moved(x.double())[0].float(), want)


def test_weight_trained_copies_go_on_dropping() -> None:
    twin = copy.deepcopy(dropped()).train()
    x = torch.randn(2, 5, 3)
    assert not torch.allclose(twin(x)[0], twin(x)[0])


def test_weight_p_zero_leaves_the_module_alone() -> None:
    layer = nn.Linear(3, 3)
    drop_weights(layer, ["weight"], 0.0)
    assert not parametrize.is_parametrized(layer)
    drop_weights(layer, ["weight"], 0.5)
    assert parametrize.is_parametrized(layer, "weight")
    assert "p=0.5" in repr(layer)
    layer.weight = torch.ones(3, 3)  # goes to the raw weight
    assert raw_parameter(layer, "weight").tolist() == torch.ones(3, 3).tolist()


# -- embeddings ----------------------------------------------------------------------------------------------------


def test_embedding_a_dropped_token_is_gone_everywhere_and_whole() -> None:
    weight = torch.randn(40, 6)
    table = nn.Embedding.from_pretrained(weight)
    tokens = torch.randint(40, (8, 30))
    y = dropped_embedding(tokens, table, 0.5, training=True)
    fates = set()
    for token in range(40):
        vectors = y[tokens == token]
        if len(vectors):
            gone, kept = torch.zeros_like(vectors), 2 * weight[token].expand_as(vectors)
            assert torch.equal(vectors, gone) or torch.allclose(vectors, kept)
            fates.add(torch.equal(vectors, gone))
    assert fates == {True, False}
    assert not torch.equal(dropped_embedding(tokens, table, 0.5, training=True), y)


def test_embedding_at_evaluation_it_is_the_table() -> None:
    weight, tokens = torch.randn(5, 3), torch.randint(5, (2, 4))
    table = nn.Embedding.from_pretrained(weight)
    assert torch.equal(dropped_embedding(tokens, table, 0.9, training=False), weight[tokens])
    assert torch.equal(dropped_embedding(tokens, table, 0.0, training=True), weight[tokens])
    assert dropped_embedding(tokens[:, 0], table, 0.9, training=False).shape == (2, 3)
