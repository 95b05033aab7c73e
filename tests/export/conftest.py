"""One export of each task for all tests here: an export takes seconds."""

from __future__ import annotations

import pytest
from every_cell import language_model_of_all
from exported import Exported, every_cell_files, export
from small_translator import small_translator


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Every cell of the package, side by side."""
    return Exported(language_model_of_all(), every_cell_files(tmp_path_factory) / "out.onnx")


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """GRUs in both directions, an LSTM with input feeding, two vocabularies."""
    return export(small_translator(input_feeding=True), tmp_path_factory.mktemp("translator"))
