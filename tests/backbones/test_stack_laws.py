"""Stacks satisfy the cell protocol, so they obey the same laws."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import pytest
import torch

from rnnzoo.backbones import BlockConfig, StackConfig
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.testing import LAWS, TOLERANCES, Law, check_cell, check_law, make_case

RNN, LSTM, GRU, BEFORE = (CellConfig.from_dict(name) for name in ("rnn", "lstm", "gru", "gru_reset_before"))
MINGRU, RGLRU, MLSTM = (CellConfig.from_dict(name) for name in ("mingru", "rglru", {"name": "mlstm", "heads": 2}))
GRIFFIN = BlockConfig(expansion=1.5, gate="gelu", conv_width=4, mlp_expansion=3)
XLSTM = BlockConfig(norm="layer", expansion=2, gate="silu", conv_width=4, conv_activation="silu", cell_norm=2)

STACKS = {
    "one": StackConfig(LSTM, hidden_size=4),
    "two": StackConfig(LSTM, hidden_size=4, num_layers=2),
    "three": StackConfig(GRU, hidden_size=4, num_layers=3),
    "unrolled": StackConfig(BEFORE, hidden_size=4, num_layers=2),
    "mixed": StackConfig(cells=(RNN, LSTM, GRU, BEFORE), hidden_size=4),
    "residual": StackConfig(LSTM, hidden_size=4, num_layers=3, residual=True),
    "residual from the input on": StackConfig(RNN, hidden_size=3, num_layers=2, residual=True),
    "layer norm": StackConfig(LSTM, hidden_size=4, num_layers=2, layer_norm=True),
    "residual and layer norm": StackConfig(cells=(GRU, BEFORE), hidden_size=3, residual=True, layer_norm=True),
    "dropout": StackConfig(LSTM, hidden_size=4, num_layers=2, hidden_dropout=0.5),
    "locked dropout": StackConfig(GRU, hidden_size=4, num_layers=2, hidden_dropout=0.5, locked_dropout=True),
    "weight dropout": StackConfig(LSTM, hidden_size=4, num_layers=2, weight_dropout=0.5),
    "weight dropout, unrolled": StackConfig(cells=(BEFORE, RNN), hidden_size=4, weight_dropout=0.5),
    "plain blocks": StackConfig(MINGRU, hidden_size=4, num_layers=2, block=BlockConfig()),
    "blocks as in Griffin": StackConfig(RGLRU, hidden_size=4, num_layers=2, block=GRIFFIN),
    "blocks as in xLSTM": StackConfig(MLSTM, hidden_size=4, num_layers=2, block=XLSTM),
    "dropout in blocks": StackConfig(
        cells=(LSTM, BEFORE), hidden_size=4, hidden_dropout=0.5, weight_dropout=0.5,
        block=BlockConfig(conv_width=2, mlp_expansion=0.5, mlp_activation="silu"),
    ),
    "a last layer of another size": StackConfig(LSTM, hidden_size=4, num_layers=2, output_size=3, weight_dropout=0.5),
    "zoneout": StackConfig(cells=(LSTM, BEFORE), hidden_size=4, zoneout=0.25),
    "everything": StackConfig(
        cells=(LSTM, BEFORE), hidden_size=3, residual=True, layer_norm=True, hidden_dropout=0.5, locked_dropout=True,
        weight_dropout=0.5, zoneout=0.1,
    ),
}  # fmt: skip
case_of = lru_cache(make_case)  # laws change nothing, so a stack's 21 laws share one
DTYPES = [pytest.param(dtype, id=str(dtype).removeprefix("torch.")) for dtype in TOLERANCES]


def test_every_setting_is_among_them() -> None:
    assert len(STACKS) == 20
    for field in dataclasses.fields(StackConfig):
        values = {getattr(stack, field.name) for stack in STACKS.values()}
        assert len(values) > 1, f"{field.name} is never changed"
    assert {"rnn", "lstm", "gru", "gru_reset_before"} <= {c.name for stack in STACKS.values() for c in stack.layers}
    assert {len(stack.layers) for stack in STACKS.values()} == {1, 2, 3, 4}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stack", [pytest.param(stack, id=name) for name, stack in STACKS.items()])
def test_law(stack: StackConfig, dtype: torch.dtype, law: Law) -> None:
    check_law(law, case_of(stack, dtype))


@pytest.mark.parametrize("name", builtin_cells())
def test_every_cell_can_be_stacked(name: str) -> None:
    """The one place where all cells are walked: their own laws are tests/cells/test_cell_laws.py."""
    stack = StackConfig(CellConfig.from_dict(name), hidden_size=4, num_layers=2, residual=True, layer_norm=True)
    check_cell(stack, dtypes=[torch.float64])
