"""Generation as everybody writes it, character by character with nn.LSTM or nn.LSTMCell: what is compared with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from rnnzoo.models import LanguageModel

__all__ = ["Write", "by_cell", "by_module"]

Write = Callable[[], torch.Tensor]
"""Writes so many characters, and gives them: (B, T)."""


def by_module(model: LanguageModel, batch: int, tokens: int, *, first: int = 0, onednn: bool = True) -> Write:
    """nn.LSTM with the weights of a model of LSTM layers, the likeliest character after `first` and so on."""
    cells = model.backbone.cells
    lstm = nn.LSTM(cells[0].input_size, cells[0].output_size, len(cells), batch_first=True)
    weights = {}
    for index, cell in enumerate(cells):
        weights |= {f"{name}_l{index}": tensor for name, tensor in cell.state_dict().items()}
    lstm.load_state_dict(weights)

    @torch.no_grad()
    def write() -> torch.Tensor:
        last, state, written = torch.full((batch, 1), first), None, []
        torch.backends.mkldnn.enabled = onednn
        for _ in range(tokens):
            y, state = lstm(model.embedding(last), state)
            last = model.head(y).argmax(-1)
            written.append(last)
        torch.backends.mkldnn.enabled = True
        return torch.cat(written, 1)

    return write


def by_cell(model: LanguageModel, batch: int, tokens: int, *, first: int = 0) -> Write:
    """The same by nn.LSTMCell, layer by layer."""
    cells = [nn.LSTMCell(cell.input_size, cell.output_size) for cell in model.backbone.cells]
    for cell, layer in zip(cells, model.backbone.cells, strict=True):
        cell.load_state_dict(layer.state_dict())

    @torch.no_grad()
    def write() -> torch.Tensor:
        last, written = torch.full((batch,), first), []
        states = [(torch.zeros(batch, cell.hidden_size), torch.zeros(batch, cell.hidden_size)) for cell in cells]
        for _ in range(tokens):
            x = model.embedding(last)
            for index, cell in enumerate(cells):
                states[index] = cell(x, states[index])
                x = states[index][0]
            last = model.head(x).argmax(-1)
            written.append(last)
        return torch.stack(written, 1)

    return write
