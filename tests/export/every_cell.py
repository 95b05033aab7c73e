"""Models with every cell of the package in them, so that one export is an export of all."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import torch
from torch import nn

from rnnzoo.backbones import StackConfig
from rnnzoo.cells import Cell, CellConfig, builtin_cells
from rnnzoo.models import LanguageModel, LanguageModelConfig, Seq2Seq, Seq2SeqConfig
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.text import CharTokenizerConfig

ALPHABET = "abcdefgh ,.\n"


def examples() -> list[CellConfig]:
    """The configs that each cell's file names, those of one cell after another's."""
    return [config for name in builtin_cells() for config in importlib.import_module(f"rnnzoo.cells.{name}").EXAMPLES]


@dataclass(frozen=True)
class SideBySideConfig(CellConfig):
    """All cells, each as its name alone gives it."""

    def build(self, input_size: int, hidden_size: int) -> SideBySide:
        return SideBySide([CellConfig.from_dict(name).build(input_size, hidden_size) for name in builtin_cells()])


class SideBySide(Cell):
    """Cells that all get the same input. None gets another's output, so that no rounding of one grows in the next."""

    recurrent_weights = ()

    def __init__(self, cells: list[Cell]) -> None:
        super().__init__()
        self.cells = nn.ModuleList(cells)
        self.input_size = cells[0].input_size
        self.output_size = sum(cell.output_size for cell in cells)

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        return tuple(cell.initial_state(batch_size, device=device, dtype=dtype) for cell in self.cells)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs, states = zip(
            *(cell.step(x, before) for cell, before in zip(self.cells, state, strict=True)), strict=True
        )
        return torch.cat(outputs, -1), states


def language_model_of_all() -> LanguageModel:
    """A language model over all cells; the same whenever it is made."""
    torch.manual_seed(5)
    config = LanguageModelConfig(embedding_dim=6, backbone=StackConfig(cell=SideBySideConfig(), hidden_size=10))
    return config.build(CharTokenizerConfig().build([ALPHABET])).eval()


def translator_of_all() -> Seq2Seq:
    """A translator over all cells, on both sides; the same whenever it is made."""
    torch.manual_seed(6)
    stack = StackConfig(cell=SideBySideConfig(), hidden_size=10)
    config = Seq2SeqConfig(embedding_dim=6, encoder=stack, decoder=stack, bidirectional=False)
    return config.build(CharTokenizerConfig().build([ALPHABET])).eval()
