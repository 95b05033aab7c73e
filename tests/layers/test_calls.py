"""The call form of nn.LSTM, for every cell: inputs with a batch, without one and packed, and states in and out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from own_cells import forgotten
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

import rnnzoo
from rnnzoo import state as states
from rnnzoo.cells import Cell, CellConfig, builtin_cells
from rnnzoo.layers import GRU, LSTM, RNN, Recurrent

LENGTHS = torch.tensor([4, 6, 1, 6, 3])
KERNELS = {"gru": GRU, "lstm": LSTM, "rnn": RNN}
CLOSE: Any = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def build(cell: str, layers: int = 2, **options: Any) -> Any:
    return rnnzoo.rnn(cell, 3, 4, layers, **options).eval()


def same(left: Any, right: Any) -> None:
    torch.testing.assert_close(states.leaves(left), states.leaves(right), **CLOSE)


def test_there_are_23_cells() -> None:
    assert len(builtin_cells()) == 23
    assert {name: type(rnnzoo.rnn(name, 2, 3)) for name in builtin_cells()} == {
        name: KERNELS.get(name, Recurrent) for name in builtin_cells()
    }


@pytest.mark.parametrize("name", builtin_cells())
def test_every_form_of_the_input_gives_the_same(name: str) -> None:
    layer, first = (build(name, bidirectional=True, batch_first=first) for first in (False, True))
    first.load_state_dict(layer.state_dict())
    x = torch.randn(5, 6, 3)
    y, state = first(x)
    size = 4 if name == "projected_lstm" else 8  # whose output is half as wide
    assert y.shape == (5, 6, size)
    if isinstance(layer, Recurrent):
        assert layer.output_size == size
    time_first = layer(x.transpose(0, 1))
    same((time_first[0].transpose(0, 1), time_first[1]), (y, state))

    rows = [layer(row) for row in x]  # without a batch
    same(torch.stack([y_row for y_row, _ in rows]), y)
    axis = 0 if name == "qrnn" else 1
    same(states.map(lambda *leaves: torch.stack(leaves, axis), *(s for _, s in rows)), state)

    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    out, packed_state = layer(packed)
    assert isinstance(out, PackedSequence)
    assert all(torch.equal(a, b) for a, b in zip(out[1:], packed[1:], strict=True))
    padded, _ = pad_packed_sequence(out, batch_first=True)
    alone = [layer(row[:length]) for row, length in zip(x, LENGTHS.tolist(), strict=True)]
    for row, (y_row, _) in zip(padded, alone, strict=True):
        same(row[: len(y_row)], y_row)
        assert not row[len(y_row) :].any()
    same(states.map(lambda *leaves: torch.stack(leaves, axis), *(s for _, s in alone)), packed_state)

    order = LENGTHS.argsort(descending=True)
    by_length = pack_padded_sequence(x[order], LENGTHS[order], batch_first=True)
    assert by_length.sorted_indices is None
    out, sorted_state = layer(by_length)
    same(pad_packed_sequence(out, batch_first=True)[0], padded[order])
    same(sorted_state, states.map(lambda leaf: leaf.index_select(axis, order), packed_state))


@pytest.mark.parametrize("name", builtin_cells())
def test_a_state_is_gone_on_from(name: str) -> None:
    layer = build(name, batch_first=True)
    x = torch.randn(5, 6, 3)
    y, state = layer(x)
    begin, between = layer(x[:, :2])
    rest, after = layer(x[:, 2:], between)
    same((torch.cat((begin, rest), 1), after), (y, state))
    alone = states.map(lambda leaf: leaf[:, 0] if name != "qrnn" else leaf[0], between)
    same(layer(x[0, 2:], alone)[0], rest[0])
    packed = pack_sequence([x[0, 2:], x[1, 2:4]])  # the rows of the state are those of before sorting
    two = states.map(lambda leaf: leaf[:, :2] if name != "qrnn" else leaf[:2], between)
    same(pad_packed_sequence(layer(packed, two)[0], batch_first=True)[0][0], rest[0])


@pytest.mark.parametrize("name", builtin_cells())
def test_the_form_of_the_state(name: str) -> None:
    for layers, bidirectional in ((1, False), (2, True)):
        layer = build(name, layers, bidirectional=bidirectional)
        cell = CellConfig.from_dict(name).build(3, 4).initial_state(5)
        state = layer(torch.randn(6, 5, 3))[1]
        leaves, of_cell = states.leaves(state), states.leaves(cell)
        count = layers * (2 if bidirectional else 1)
        if name == "qrnn" and layers > 1:  # the past inputs of the layers have different sizes
            assert [type(one) for one in state] == [type(cell)] * count
            assert [one.past[0].shape for one in state] == [(5, 3), (5, 3), (5, 8), (5, 8)]
            continue
        assert [leaf.shape for leaf in leaves] == [(count, *leaf.shape) for leaf in of_cell]
        assert isinstance(state, torch.Tensor if len(of_cell) == 1 else tuple if name == "lstm" else type(cell))


def test_registered_cells_are_layers_too() -> None:
    with forgotten():

        @rnnzoo.register_cell("leaky_of_a_layer")
        class Leaky(Cell):
            def __init__(self, input_size: int, hidden_size: int, leak: float = 0.9) -> None:
                super().__init__()
                self.input_size, self.output_size, self.leak = input_size, hidden_size, leak
                self.weight = nn.Linear(input_size, hidden_size)

            def initial_state(self, batch_size: int, *, device: Any = None, dtype: Any = None) -> torch.Tensor:
                return self.zeros(batch_size, self.output_size, device, dtype)

            def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                new = self.leak * state + self.weight(x).tanh()
                return new, new

        layer: Any = rnnzoo.rnn("leaky_of_a_layer", 3, 4, bidirectional=True, leak=0.5)
        assert layer.stack.ahead[0].leak == 0.5
        y, h = layer(torch.randn(6, 5, 3))
        same(y[-1, :, :4], h[0])
        same(y[0, :, 4:], h[1])


def test_a_cell_by_name_by_mapping_and_by_config() -> None:
    made = [rnnzoo.rnn("mlstm", 3, 4, heads=2), rnnzoo.rnn({"name": "mlstm", "heads": 2}, 3, 4)]
    made += [rnnzoo.rnn(CellConfig.from_dict({"name": "mlstm", "heads": 2}), 3, 4)]
    assert {repr(layer) for layer in made} == {repr(made[0])}
    assert all(isinstance(layer, Recurrent) and layer.cell == made[0].cell for layer in made)
    assert "mlstm, 3, 4, num_layers=1" in repr(made[0])


def test_dropout_falls_between_layers_in_training() -> None:
    layer: Any = rnnzoo.rnn("mingru", 3, 4, 2, dropout=0.5)
    x = torch.randn(6, 5, 3)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    with pytest.warns(UserWarning, match="between layers"):
        rnnzoo.rnn("mingru", 3, 4, dropout=0.5)


def test_device_and_dtype() -> None:
    for name in ("lstm", "mingru"):
        layer: Any = rnnzoo.rnn(name, 3, 4, dtype=torch.float64)
        assert layer(torch.randn(6, 5, 3, dtype=torch.float64))[0].dtype == torch.float64
        assert next(rnnzoo.rnn(name, 3, 4, device="meta").parameters()).device.type == "meta"


def test_no_rows_and_no_steps() -> None:
    layer = build("mingru")
    assert layer(torch.randn(6, 0, 3))[0].shape == (6, 0, 4)
    y, h = layer(torch.randn(0, 5, 3))
    assert y.shape == (0, 5, 4)
    assert h.shape == (2, 5, 4)
    layer.flatten_parameters()  # models written for nn.LSTM call it


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("mingrru", 3, 4), {}, "did you mean 'mingru'"),
        (("mingru", 3, 4), {"head": 2}, "head"),
        (("mingru", 0, 4), {}, "input_size: 1 <= input_size"),
        (("mingru", 3, 0), {}, "hidden_size: 1 <= hidden_size"),
        (("mingru", 3, 4, 0), {}, "num_layers: 1 <= num_layers"),
        (("mingru", 3, 4, 2), {"dropout": 1.5}, "hidden_dropout: 0 <= hidden_dropout < 1"),
        (("mingru", 3, 4), {"bias": False}, "bias: the cell 'mingru' has no form without biases"),
    ],
)
def test_what_cannot_be_built(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(rnnzoo.UserError, match=message):
        rnnzoo.rnn(*arguments, **options)


@pytest.mark.parametrize(
    ("shape", "state", "message"),
    [
        ((6,), None, "expected 3 axes, or 2 without a batch"),
        ((6, 5, 2), None, "the input has 2 features: expected input_size, 3"),
        ((6, 5, 3), torch.zeros(2, 4, 4), r"\(2, 4, 4\): expected \(2, 5, 4\)"),
        ((6, 5, 3), torch.zeros(1, 5, 4), r"\(1, 5, 4\): expected \(2, 5, 4\)"),
        ((6, 3), torch.zeros(2, 1, 4), r"\(2, 1, 4\): expected \(2, 4\)"),
        ((6, 5, 3), (torch.zeros(2, 5, 4), torch.zeros(2, 5, 4)), r"expected \(2, 5, 4\)"),
    ],
)
def test_what_cannot_be_read(shape: tuple[int, ...], state: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build("mingru")(torch.randn(shape), state)
