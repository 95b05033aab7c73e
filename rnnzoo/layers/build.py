"""A recurrent layer by the name of its cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rnnzoo.cells import CellConfig
from rnnzoo.cells.gru import GRUConfig
from rnnzoo.cells.lstm import LSTMConfig
from rnnzoo.cells.rnn import RNNConfig
from rnnzoo.errors import UserError
from rnnzoo.layers.kernels import GRU, LSTM, RNN
from rnnzoo.layers.recurrent import Recurrent

__all__ = ["rnn"]


def rnn(
    cell: str | Mapping[str, Any] | CellConfig,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    bias: bool = True,
    batch_first: bool = False,
    dropout: float = 0.0,
    bidirectional: bool = False,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> nn.Module:
    """Layers of any cell with the arguments, the call and the results of nn.LSTM, nn.GRU and nn.RNN.

    ``output, state = layer(input)`` or ``layer(input, state)``; the input has a batch, has none, or is packed.

    Args:
        cell: a cell's name, or its config as an object or a mapping: one of the package's, or a registered one.
        input_size: D, features of the input.
        hidden_size: H, units of each layer and direction.
        num_layers: how many layers, each on top of the one before.
        bias: False leaves the biases out of `lstm`, `gru` and `rnn`; the other cells always have those of their paper.
        batch_first: sequences are (B, T, D) instead of (T, B, D). The state is not affected, as in PyTorch.
        dropout: between the layers, in training.
        bidirectional: each layer also reads backwards; the output has both directions side by side.
        device, dtype: of the parameters.
        **options: the cell's own, such as ``heads=4`` of `mlstm`.

    Returns:
        `LSTM`, `GRU` or `RNN`, which are PyTorch's modules with this package's initial weights, for those three cells;
        `Recurrent` for every other.

    Raises:
        UserError: no cell has that name, an option is not the cell's, or a value is out of range.
    """
    config = _config(cell, options)
    if isinstance(config, LSTMConfig | GRUConfig | RNNConfig):
        sizes = (input_size, hidden_size, num_layers)
        common: Any = {"bias": bias, "batch_first": batch_first, "dropout": dropout, "bidirectional": bidirectional}
        common |= {"device": device, "dtype": dtype}
        if isinstance(config, LSTMConfig):
            return LSTM(*sizes, forget_bias=config.forget_bias, **common)
        if isinstance(config, GRUConfig):
            return GRU(*sizes, **common)
        return RNN(*sizes, nonlinearity=config.nonlinearity, **common)
    if not bias:
        raise UserError(f"bias: the cell {config.name!r} has no form without biases; lstm, gru and rnn have")
    layers = Recurrent(config, input_size, hidden_size, num_layers, batch_first, dropout, bidirectional)
    return layers.to(device=device, dtype=dtype)


def _config(cell: str | Mapping[str, Any] | CellConfig, options: Mapping[str, Any]) -> CellConfig:
    if isinstance(cell, CellConfig):
        cell = cell.to_dict()
    given = {"name": cell} if isinstance(cell, str) else dict(cell)
    return CellConfig.from_dict({**given, **options}, "cell")
