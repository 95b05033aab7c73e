"""Every cell, in every form that its file names, on both sides of a translator of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_cell import examples, translator_of_all
from exported import Exported, export, run_encoder, run_steps
from exports import exporting
from small_translator import small_translator

from rnnzoo.cells import CellConfig
from rnnzoo.zoo.export import export_model

CELLS = [pytest.param(config, id=f"{config.name}-{index}") for index, config in enumerate(examples())]


@pytest.mark.slow  # an export takes ten seconds or so
@pytest.mark.parametrize("config", CELLS)
def test_example(config: CellConfig, tmp_path: Path) -> None:
    stack = {"cell": config.to_dict(), "hidden_size": 10}
    model = small_translator(encoder=stack, decoder=stack, bridge="projected").eval()
    exported = export(model, tmp_path)
    for rows, steps in ((1, 1), (3, 7), (64, 5)):
        worst, state, memory = run_encoder(exported, rows, steps)
        assert worst < 1e-4
        assert run_steps(exported, 200 if rows == 3 else 20, state, memory) < 1e-4


@pytest.mark.slow
def test_all_side_by_side(tmp_path: Path) -> None:
    """One loop of the encoder with all of them in its body."""
    with exporting():
        export_model(translator_of_all(), tmp_path / "out.onnx")
    exported = Exported(translator_of_all(), tmp_path / "out.onnx")
    worst, state, memory = run_encoder(exported, 3, 7)
    assert worst < 1e-4
    assert run_steps(exported, 200, state, memory) < 1e-4
