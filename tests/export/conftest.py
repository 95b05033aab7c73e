"""One export of each task for all tests here: an export takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_cell import every_cell
from exported import Exported
from small_translator import small_translator

from rnnzoo.cli import main
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.zoo import load, save_folder


def export(model: LanguageModel | Seq2Seq, place: Path) -> Exported:
    """What `rnnzoo export` makes of a model."""
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    save_folder(place / "model", model)
    assert main(["export", str(place / "model"), str(place / "out.onnx")]) == 0
    return Exported(load(place / "model"), place / "out.onnx")


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Every cell of the package, on top of each other."""
    return export(every_cell(), tmp_path_factory.mktemp("every-cell"))


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """GRUs in both directions, an LSTM with input feeding, two vocabularies."""
    return export(small_translator(input_feeding=True), tmp_path_factory.mktemp("translator"))
