"""Two small models and what `rnnzoo export` made of them, once for all tests here: an export takes seconds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from small_translator import small_translator

from rnnzoo.models import LanguageModel, LanguageModelConfig, Seq2Seq
from rnnzoo.runtime import LanguageModel as Exported
from rnnzoo.runtime import Model, Translator
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import load, save_folder

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "export"))
from exported import command

ALPHABET = "abcdefgh ,.\n"


class Pair(NamedTuple):
    """A model, and the folder of its export."""

    model: LanguageModel
    folder: Path
    exported: Exported


class Translators(NamedTuple):
    """The same of a translator."""

    model: Seq2Seq
    folder: Path
    exported: Translator


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A GRU under an LSTM, as decided as a trained one."""
    place = tmp_path_factory.mktemp("language-model")
    torch.manual_seed(3)
    fields = {"embedding_dim": 8, "backbone": {"cells": ["gru", "lstm"], "hidden_size": 16, "num_layers": 2}}
    model = LanguageModelConfig.from_dict(fields).build(CharTokenizerConfig().build([ALPHABET])).eval()
    with torch.no_grad():
        model.head.weight.mul_(8)
    save_folder(place / "model", model)
    command(["-m", "rnnzoo", "export", str(place / "model"), f"{place}/out/"])
    command(["-m", "rnnzoo", "export", str(place / "model"), f"{place}/out.zip", "--int8"])
    return Pair(load(place / "model", kind=LanguageModel), place / "out", Exported.open(place / "out"))


@pytest.fixture(scope="session")
def translators(tmp_path_factory: pytest.TempPathFactory) -> Translators:
    """GRUs in both directions, an LSTM with input feeding, two vocabularies."""
    place = tmp_path_factory.mktemp("translator")
    save_folder(place / "model", small_translator(input_feeding=True))
    command(["-m", "rnnzoo", "export", str(place / "model"), f"{place}/out/"])
    return Translators(load(place / "model", kind=Seq2Seq), place / "out", Translator.open(place / "out"))


@pytest.fixture
def exported(pair: Pair) -> Exported:
    """The small language model."""
    return pair.exported


@pytest.fixture
def opened(pair: Pair) -> Model:
    """The same in 8 bits, from one file."""
    return Model.open(pair.folder.with_suffix(".zip"))
