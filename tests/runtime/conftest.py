"""Two small models and what `rnnzoo export` made of them, once for all tests here: an export takes seconds."""

from __future__ import annotations

import pytest
from exports import Pair, Translators, exported_language_model, exported_translator

from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.runtime import LanguageModel as Exported
from rnnzoo.runtime import Model, Translator
from rnnzoo.zoo import load


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A GRU under an LSTM, as decided as a trained one."""
    place = exported_language_model(tmp_path_factory)
    return Pair(load(place / "model", kind=LanguageModel), place / "out", Exported.open(place / "out"))


@pytest.fixture(scope="session")
def translators(tmp_path_factory: pytest.TempPathFactory) -> Translators:
    """GRUs in both directions, an LSTM with input feeding, two vocabularies."""
    place = exported_translator(tmp_path_factory)
    return Translators(load(place / "model", kind=Seq2Seq), place / "out", Translator.open(place / "out"))


@pytest.fixture
def exported(pair: Pair) -> Exported:
    """The small language model."""
    return pair.exported


@pytest.fixture
def opened(pair: Pair) -> Model:
    """The same in 8 bits, from one file."""
    return Model.open(pair.folder.with_suffix(".zip"))
