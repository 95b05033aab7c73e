"""One export of each task for all tests here: an export takes seconds."""

from __future__ import annotations

import pytest
from every_cell import every_cell
from exported import Exported, export, traceable
from small_translator import small_translator

from rnnzoo.zoo.export import export_model


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Every cell of the package, side by side."""
    model, out = every_cell(), tmp_path_factory.mktemp("every-cell") / "out.onnx"
    with traceable():
        export_model(model, out)
    return Exported(model, out)


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """GRUs in both directions, an LSTM with input feeding, two vocabularies."""
    return export(small_translator(input_feeding=True), tmp_path_factory.mktemp("translator"))
