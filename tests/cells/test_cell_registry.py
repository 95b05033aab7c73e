"""Cells by name: in configs, as layers, and what is said when there is none of that name."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

import rnnzoo.cells
from rnnzoo.cells import Cell, CellConfig, builtin_cells
from rnnzoo.cells.gru import GRUConfig
from rnnzoo.cells.lstm import LSTM, LSTMConfig
from rnnzoo.errors import UserError


@pytest.mark.parametrize("name", builtin_cells())
def test_a_cells_file_is_its_registry_name(name: str) -> None:
    config = CellConfig.find(name)
    assert (config.name, config.__module__) == (name, f"rnnzoo.cells.{name}")
    assert CellConfig.from_dict(name) == CellConfig.from_dict({"name": name}) == config()
    cell = config().build(3, 5)
    assert isinstance(cell, Cell)
    assert (cell.input_size, cell.output_size) == (3, 2 if name == "projected_lstm" else 5)
    assert set(cell.recurrent_weights) <= dict(cell.named_parameters()).keys()


@pytest.mark.parametrize("name", builtin_cells())
def test_a_cell_is_a_layer(name: str) -> None:
    layer = getattr(rnnzoo.cells, name)(3, 5)
    y, state = layer(torch.randn(2, 7, 3))
    assert y.shape == (2, 7, layer.output_size)
    y_t, _ = layer.step(torch.randn(2, 3), state)
    assert y_t.shape == (2, layer.output_size)
    assert name in dir(rnnzoo.cells)


def test_a_layers_options_are_its_configs() -> None:
    layer = rnnzoo.cells.lstm(3, 5, forget_bias=2.5)
    assert isinstance(layer, LSTM)
    assert layer.bias_ih.view(4, 5)[1].tolist() == [2.5] * 5
    with pytest.raises(UserError, match=r"lstm\.forget_bia: unknown field \(did you mean 'forget_bias'\?\)"):
        rnnzoo.cells.lstm(3, 5, forget_bia=2.5)
    with pytest.raises(UserError, match="sizes must be positive, not 0 and 5"):
        rnnzoo.cells.lstm(0, 5)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^model\.cell: unknown cell 'lsmt' \(did you mean 'lstm'\?\)$"):
        CellConfig.from_dict({"name": "lsmt"}, "model.cell")
    with pytest.raises(UserError, match=r"unknown cell 'quux' \(known: .*gru, gru_reset_before, .*lstm"):
        CellConfig.from_dict("quux")
    with pytest.raises(AttributeError, match="no attribute 'lsmt'"):
        _ = rnnzoo.cells.lsmt
    with pytest.raises(UserError, match=r"^cell: 'name' is missing \(known: .*gru,"):
        CellConfig.from_dict({"forget_bias": 1.0})


def test_a_value_of_another_kind_is_named() -> None:
    with pytest.raises(UserError, match=r"nonlinearity: unknown value 'sigmoid' \(known: relu, tanh\)"):
        CellConfig.from_dict({"name": "rnn", "nonlinearity": "sigmoid"})
    with pytest.raises(UserError, match=r"forget_bias: expected float, not True"):
        CellConfig.from_dict({"name": "lstm", "forget_bias": True})


def test_two_cells_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two cells are called 'lstm'"):

        @dataclass(frozen=True)
        class Another(CellConfig, name="lstm"):
            def build(self, input_size: int, hidden_size: int) -> Cell:
                return GRUConfig().build(input_size, hidden_size)

    assert CellConfig.find("lstm") is LSTMConfig


def test_a_state_of_another_batch_is_refused_in_words() -> None:
    layer = rnnzoo.cells.lstm(3, 5)
    with pytest.raises(ValueError, match=r"state h is \(4, 5\): expected 2 rows"):
        layer(torch.randn(2, 7, 3), layer.initial_state(4))
