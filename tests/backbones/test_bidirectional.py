"""Encoders: each row as if it were alone, whatever stands in its padding."""

from __future__ import annotations

import copy

import pytest
import torch

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStack, BidirectionalStackConfig
from rnnzoo.backbones.bidirectional import reverse
from rnnzoo.cells import Cell, CellConfig
from rnnzoo.shapes import Tensor

RNN, LSTM, GRU, BEFORE = (CellConfig.from_dict(name) for name in ("rnn", "lstm", "gru", "gru_reset_before"))

ENCODERS = {
    "one": BidirectionalStackConfig(LSTM, hidden_size=4),
    "two": BidirectionalStackConfig(GRU, hidden_size=4, num_layers=2),
    "mixed": BidirectionalStackConfig(cells=(BEFORE, LSTM, RNN), hidden_size=2),
    "residual": BidirectionalStackConfig(LSTM, hidden_size=3, num_layers=2, residual=True),
    "residual and layer norm": BidirectionalStackConfig(
        cells=(GRU, BEFORE), hidden_size=3, residual=True, layer_norm=True
    ),
    "dropouts": BidirectionalStackConfig(
        LSTM, hidden_size=4, num_layers=2, hidden_dropout=0.5, locked_dropout=True, weight_dropout=0.5
    ),
}
LENGTHS = (1, 7, 0, 4)
encoders = pytest.mark.parametrize("config", [pytest.param(config, id=name) for name, config in ENCODERS.items()])


def build(config: BidirectionalStackConfig) -> BidirectionalStack:
    torch.manual_seed(0)
    encoder = config.build(6).double().eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return encoder


def everything(encoder: BidirectionalStack, x: Tensor, lengths: Tensor | None, weight: Tensor) -> dict[str, Tensor]:
    """Outputs, states, and the gradients of a loss over both."""
    x = x.clone().requires_grad_()
    y, final = encoder(x, lengths)
    loss = (y * weight).sum() + sum(leaf.square().sum() for leaf in states.leaves(final))
    loss = loss + torch.zeros((), requires_grad=True)  # without steps there is no graph
    sources = {"x": x} | dict(encoder.named_parameters())
    gradients = torch.autograd.grad(loss, list(sources.values()), materialize_grads=True)
    named = {f"gradient {name}": g for name, g in zip(sources, gradients, strict=True)}
    return {"y": y.detach(), **{n: leaf.detach() for n, leaf in states.flatten(final).items()}, **named}


def assert_same(got: dict[str, Tensor], want: dict[str, Tensor]) -> None:
    assert got.keys() == want.keys()
    for name in want:
        torch.testing.assert_close(got[name], want[name], rtol=1e-10, atol=1e-10, msg=lambda m, n=name: f"{n}: {m}")


@encoders
def test_padding_has_no_influence(config: BidirectionalStackConfig) -> None:
    encoder, lengths = build(config), torch.tensor(LENGTHS)
    x, weight = torch.randn(4, 7, 6).double(), torch.randn(4, 7, encoder.output_size).double()
    valid = (torch.arange(7) < lengths[:, None])[:, :, None]
    want = everything(encoder, torch.where(valid, x, 0.0), lengths, weight)
    assert not want["y"].masked_select(~valid).any()
    assert not want["gradient x"].masked_select(~valid).any()
    assert_same(everything(encoder, x, lengths, weight), want)
    assert_same(everything(encoder, torch.where(valid, x, torch.nan), lengths, weight), want)


@encoders
def test_batched_equals_single(config: BidirectionalStackConfig) -> None:
    encoder, lengths = build(config), torch.tensor(LENGTHS)
    x, weight = torch.randn(4, 7, 6).double(), torch.randn(4, 7, encoder.output_size).double()
    batch = everything(encoder, x, lengths, weight)
    total: dict[str, Tensor] = {}
    for row, length in enumerate(LENGTHS):
        rows = slice(row, row + 1)
        alone = everything(encoder, x[rows, :length], None, weight[rows, :length])
        for name, result in alone.items():
            if name in ("y", "gradient x"):
                torch.testing.assert_close(batch[name][rows, :length], result, rtol=1e-10, atol=1e-10)
            elif name.startswith("gradient"):
                total[name] = total.get(name, torch.zeros_like(result)) + result
            else:
                torch.testing.assert_close(batch[name][rows], result, rtol=1e-10, atol=1e-10)
    assert_same(total, {name: batch[name] for name in total})


@encoders
def test_a_row_without_steps_has_the_initial_state_and_no_outputs(config: BidirectionalStackConfig) -> None:
    encoder = build(config)
    y, final = encoder(torch.full((2, 5, 6), torch.nan).double(), torch.tensor([0, 0]))
    assert torch.equal(y, torch.zeros(2, 5, encoder.output_size).double())
    for leaf, first in zip(states.leaves(final), states.leaves(encoder.initial_state(2)), strict=True):
        assert torch.equal(leaf, first)
    y, _ = encoder(torch.zeros(2, 0, 6).double())
    assert y.shape == (2, 0, encoder.output_size)


@encoders
def test_full_lengths_are_no_lengths(config: BidirectionalStackConfig) -> None:
    encoder, x = build(config), torch.randn(3, 5, 6).double()
    want, _ = encoder(x)
    torch.testing.assert_close(encoder(x, torch.full((3,), 5))[0], want)


@encoders
def test_every_output_sees_both_sides(config: BidirectionalStackConfig) -> None:
    encoder, x = build(config), torch.randn(1, 5, 6).double()
    before, _ = encoder(x)
    for changed in (0, 4):
        other = x.clone()
        other[:, changed] += 1
        assert ((encoder(other)[0] - before).abs().amax(-1) > 1e-8).all()


@encoders
def test_a_copy_is_the_same(config: BidirectionalStackConfig) -> None:
    encoder, x = build(config), torch.randn(2, 5, 6).double()
    twin = copy.deepcopy(encoder)
    assert torch.equal(twin(x)[0], encoder(x)[0])
    fresh = config.build(6).double().eval()
    fresh.load_state_dict(encoder.state_dict(), strict=True)
    assert torch.equal(fresh(x)[0], encoder(x)[0])


def test_it_has_no_step_and_is_no_cell() -> None:
    encoder = ENCODERS["one"].build(6)
    assert not hasattr(encoder, "step")
    assert not isinstance(encoder, Cell)


def test_sizes_and_states() -> None:
    encoder = ENCODERS["mixed"].build(6)
    assert (encoder.input_size, encoder.output_size) == (6, 4)
    assert [(a.input_size, b.input_size) for a, b in encoder.pairs] == [(6, 6), (4, 4), (4, 4)]
    _, final = encoder(torch.randn(2, 5, 6))
    assert states.flatten(final).keys() == states.flatten(encoder.initial_state(2)).keys()
    assert list(states.flatten(final))[:4] == ["0.0.h", "0.1.h", "1.0.h", "1.0.c"]
    states.check(final, 2)


def test_the_two_directions_are_two_cells() -> None:
    """One layer by hand: the backward cell reads each row from its own last step."""
    encoder = build(ENCODERS["one"])
    ((ahead, back),) = encoder.pairs
    x = torch.randn(2, 5, 6).double()
    y, ((right, left),) = encoder(x, torch.tensor([3, 5]))
    row, final = back(x[:1, :3].flip(1))
    torch.testing.assert_close(y[:1, :3, 4:], row.flip(1))
    torch.testing.assert_close(left.h[:1], final.h)
    torch.testing.assert_close(y[:1, :3, :4], ahead(x[:1, :3])[0])
    torch.testing.assert_close(right.h[:1], y[:1, 2, :4])


def test_residual_is_the_layers_input_before_normalisation_as_in_a_stack() -> None:
    encoder = build(ENCODERS["residual and layer norm"])
    x = torch.randn(2, 5, 6).double()

    def layer(index: int, x: Tensor) -> Tensor:
        ahead, back = encoder.pairs[index]
        return torch.cat((ahead(x)[0], back(x.flip(1))[0].flip(1)), -1)

    middle = x + layer(0, x)
    torch.testing.assert_close(encoder(x)[0], middle + layer(1, encoder.norms[0](middle)))


def test_dropouts_act_in_training_only() -> None:
    encoder, x = ENCODERS["dropouts"].build(6), torch.randn(2, 5, 6)
    assert not torch.equal(encoder(x)[0], encoder(x)[0])
    encoder.eval()
    assert torch.equal(encoder(x)[0], encoder(x)[0])


def test_reverse_is_its_own_inverse_and_leaves_padding() -> None:
    x = torch.arange(10.0).view(2, 5, 1)
    lengths = torch.tensor([3, 0])
    once = reverse(x, lengths)
    assert once.flatten().tolist() == [2, 1, 0, 3, 4, 5, 6, 7, 8, 9]
    assert torch.equal(reverse(once, lengths), x)
    assert torch.equal(reverse(x), x.flip(1))
