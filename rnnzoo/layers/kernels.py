"""PyTorch's own LSTM, GRU and RNN: its kernels, its state_dict, this package's initial weights, and `torch.func`."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn
from torch.func import functional_call

from rnnzoo.cells import CellConfig
from rnnzoo.cells.gru import GRUConfig
from rnnzoo.cells.lstm import LSTMConfig
from rnnzoo.cells.projected_lstm import ProjectedLSTMConfig
from rnnzoo.cells.rnn import RNNConfig
from rnnzoo.layers.recurrent import Recurrent
from rnnzoo.nn.transforms import transformed

__all__ = ["GRU", "LSTM", "RNN"]


class _FromCell(nn.RNNBase):
    """What the three add to PyTorch's modules."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        sizes = (self.input_size, self.hidden_size, self.num_layers)
        dropout = self.dropout if self.num_layers > 1 else 0.0  # PyTorch has warned
        with torch.device("meta"):
            unrolled = Recurrent(self.cell_config(), *sizes, self.batch_first, dropout, self.bidirectional)
        self._unrolled = (unrolled,)  # in a tuple, so that it is no submodule: its weights are these ones

    def cell_config(self) -> CellConfig:
        """The cell that all layers consist of."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """The initial weights of the cell, in every layer and direction."""
        for names in self._all_weights:
            own = dict(zip((name.rpartition("_l")[0] for name in names), names, strict=True))
            cell = self.cell_config().build(getattr(self, own["weight_ih"]).size(1), self.hidden_size)
            with torch.no_grad():
                for short, name in own.items():
                    getattr(self, name).copy_(getattr(cell, short))

    def forward(self, input: Any, hx: Any = None) -> Any:
        """As in PyTorch; under `torch.func`, which its kernels do not know, the cells' own steps with these weights."""
        if not transformed():
            return super().forward(input, hx)
        (layers,) = self._unrolled
        return functional_call(layers.train(self.training), self._by_cell(layers), (input, hx))

    def _by_cell(self, layers: Recurrent) -> dict[str, torch.Tensor]:
        """The weights under the names that they have in `layers`."""
        weights = {}
        for names, prefix in zip(self._all_weights, layers.cell_names(), strict=True):
            for name in names:
                weights[f"{prefix}.{name.rpartition('_l')[0]}"] = getattr(self, name)
            if not self.bias:
                rows = getattr(self, names[0])[:, 0]
                weights |= {f"{prefix}.{bias}": torch.zeros_like(rows) for bias in ("bias_ih", "bias_hh")}
        return weights


class LSTM(_FromCell, nn.LSTM):
    """nn.LSTM with the initial weights of the cell `lstm`.

    Args:
        forget_bias: the forget gate's bias at the start.
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype: as
            in PyTorch.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        forget_bias: float = 1.0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.forget_bias = forget_bias  # before PyTorch's __init__, which initialises the weights
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, proj_size, device, dtype)

    def cell_config(self) -> CellConfig:
        if self.proj_size:
            return ProjectedLSTMConfig(proj_size=self.proj_size, forget_bias=self.forget_bias)
        return LSTMConfig(forget_bias=self.forget_bias)


class GRU(_FromCell, nn.GRU):
    """nn.GRU with the initial weights of the cell `gru`; its arguments are PyTorch's."""

    def cell_config(self) -> CellConfig:
        return GRUConfig()


class RNN(_FromCell, nn.RNN):
    """nn.RNN with the initial weights of the cell `rnn`; its arguments are PyTorch's."""

    def cell_config(self) -> CellConfig:
        nonlinearity: Literal["tanh", "relu"] = "relu" if self.nonlinearity == "relu" else "tanh"
        return RNNConfig(nonlinearity=nonlinearity)
