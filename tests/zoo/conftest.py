"""A small model, and the folder that it is saved in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import save_folder

ALPHABET = "abcdefgh ,.\n"


@pytest.fixture
def make_model() -> Callable[..., LanguageModel]:
    """Builds a small model; keyword arguments are fields of its config."""

    def make(**fields: Any) -> LanguageModel:
        torch.manual_seed(5)
        config = {"embedding_dim": 6, "backbone": {"cell": "lstm", "hidden_size": 7, "num_layers": 2}} | fields
        return LanguageModelConfig.from_dict(config).build(CharTokenizerConfig().build([ALPHABET]))

    return make


@pytest.fixture
def model(make_model: Callable[..., LanguageModel]) -> LanguageModel:
    return make_model()


@pytest.fixture
def folder(model: LanguageModel, tmp_path: Path) -> Path:
    """A saved model."""
    path = tmp_path / "entry"
    save_folder(path, model, recipe="task: char_lm\n")
    return path
