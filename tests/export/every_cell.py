"""Models with every cell of the package in them, so that one export is an export of all."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig

ALPHABET = "abcdefgh ,.\n"


def examples() -> list[CellConfig]:
    """The configs that each cell's file names, those of one cell after another's."""
    return [config for name in builtin_cells() for config in importlib.import_module(f"rnnzoo.cells.{name}").EXAMPLES]


def stack_of(configs: list[CellConfig]) -> dict[str, Any]:
    """A stack with one layer for each; residuals and norms let every layer be seen in the output."""
    cells = [config.to_dict() for config in configs]
    return {"cells": cells, "num_layers": len(cells), "hidden_size": 10, "residual": True, "layer_norm": True}


def every_cell() -> LanguageModel:
    """A language model whose layers are all cells, each as its name alone gives it."""
    torch.manual_seed(5)
    configs = [CellConfig.from_dict({"name": name}) for name in builtin_cells()]
    config = LanguageModelConfig.from_dict({"embedding_dim": 10, "backbone": stack_of(configs)})
    return config.build(CharTokenizerConfig().build([ALPHABET])).eval()
