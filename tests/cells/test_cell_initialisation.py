"""How the weights of the standard cells begin."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.cells import CellConfig
from rnnzoo.cells.lstm import LSTM, LSTMConfig

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru_reset_before": 3}


@pytest.mark.parametrize("size", [1, 5, 16])
@pytest.mark.parametrize(("name", "gates"), GATES.items())
def test_each_recurrent_gate_is_orthogonal(name: str, gates: int, size: int) -> None:
    weight = CellConfig.from_dict(name).build(3, size).weight_hh
    assert weight.shape == (gates * size, size)
    for gate in weight.chunk(gates):
        torch.testing.assert_close(gate @ gate.T, torch.eye(size), atol=1e-5, rtol=0)
    blocks = weight.chunk(gates)
    assert size == 1 or all(not torch.equal(blocks[0], other) for other in blocks[1:])


@pytest.mark.parametrize(("name", "gates"), GATES.items())
def test_each_input_gate_is_glorot_uniform_by_itself(name: str, gates: int) -> None:
    weight = CellConfig.from_dict(name).build(40, 60).weight_ih
    bound = (6 / (40 + 60)) ** 0.5  # of the block, not of the four blocks taken for one matrix
    for gate in weight.chunk(gates):
        assert gate.abs().max() <= bound
        assert gate.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)


@pytest.mark.parametrize("asked", [1.0, 0.0, -2.0, 2.5])
def test_the_forget_bias_is_what_was_asked(asked: float) -> None:
    """The two bias vectors are added: 1 in each would be 2."""
    cell = LSTMConfig(forget_bias=asked).build(3, 5)
    assert isinstance(cell, LSTM)
    input_gate, forget, content, output = (cell.bias_ih + cell.bias_hh).chunk(4)
    assert forget.tolist() == [asked] * 5
    assert not any(bias.any() for bias in (input_gate, content, output))


@pytest.mark.parametrize("name", ["rnn", "gru", "gru_reset_before"])
def test_other_biases_begin_at_zero(name: str) -> None:
    cell = CellConfig.from_dict(name).build(3, 5)
    assert not cell.bias_ih.any()
    assert not cell.bias_hh.any()


def test_a_seed_gives_the_same_weights() -> None:
    cells = []
    for _ in range(2):
        torch.manual_seed(3)
        cells.append(CellConfig.from_dict("lstm").build(3, 5))
    assert all(torch.equal(a, b) for a, b in zip(cells[0].parameters(), cells[1].parameters(), strict=True))
