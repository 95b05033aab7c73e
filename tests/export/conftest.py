"""One export of each task for all tests here: an export takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_cell import language_model_of_all
from exported import Exported, every_cell_files, export
from made_once import made_once
from small_translator import small_translator

from rnnzoo.zoo import load


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Every cell of the package, side by side."""
    return Exported(language_model_of_all(), every_cell_files(tmp_path_factory) / "out.onnx")


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """GRUs in both directions, an LSTM with input feeding, two vocabularies."""

    def make(place: Path) -> None:
        export(small_translator(input_feeding=True), place)

    place = made_once(tmp_path_factory, "translator-step", make)
    return Exported(load(place / "model"), place / "out.onnx")
