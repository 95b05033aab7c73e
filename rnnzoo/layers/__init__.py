"""Recurrent layers for models of your own, called as PyTorch's are: any cell, from `rnn`; `LSTM`, `GRU` and `RNN`.

::

    layer = rnnzoo.rnn("mingru", input_size=8, hidden_size=64, num_layers=2, batch_first=True)
    output, state = layer(x)             # x (B, T, 8) -> output (B, T, 64)
    output, state = layer(more, state)   # goes on from there
"""

from rnnzoo.layers.build import rnn
from rnnzoo.layers.kernels import GRU, LSTM, RNN
from rnnzoo.layers.recurrent import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "Recurrent", "rnn"]
