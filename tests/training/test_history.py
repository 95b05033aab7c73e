"""What is noted while a run trains: speed without evaluations, and no line twice."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import small_lm
from rich.console import Console

from rnnzoo.training import History, StepCheckpoints, TrainProgress, read_history
from rnnzoo.training.progress import Meter

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]


class Counting(Meter):
    """How often it was stopped, and with how many tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.stops: list[int] = []

    def stop(self, tokens: int = 0) -> None:
        self.stops.append(tokens)
        super().stop(tokens)


def test_validations_do_not_count_as_training(tmp_path: Path) -> None:
    data = small_lm.stream_data(small_lm.write_text(tmp_path / "text.txt", 480), chunk_len=12)
    history, bar = History(tmp_path / "history.jsonl"), TrainProgress(console=Console(file=io.StringIO()))
    history.meter, bar._meter = Counting(), Counting()
    trainer = small_lm.trainer(history, bar, max_epochs=2, enable_progress_bar=True, val_check_interval=4)
    trainer.fit(small_lm.task(data), datamodule=data)
    for meter in (history.meter, bar._meter):
        assert [place for place, tokens in enumerate(meter.stops) if not tokens] == [4, 9, 15, 20]  # of 9 chunks
        assert sum(meter.stops) == meter.tokens == 2 * 431


def test_a_validation_that_is_made_again_is_noted_once(tmp_path: Path) -> None:
    text = small_lm.write_text(tmp_path / "text.txt", 480)
    path = tmp_path / "history.jsonl"
    for checkpoint in (None, tmp_path / "step-0000009.ckpt"):
        data = small_lm.stream_data(text, chunk_len=12)
        trainer = small_lm.trainer(History(path), StepCheckpoints(tmp_path, 9), max_epochs=2)
        trainer.fit(small_lm.task(data), datamodule=data, ckpt_path=checkpoint, weights_only=True)
    lines = [(line["step"], line["epoch"]) for line in read_history(path) if "val_nll" in line]
    assert lines == [(9, 1), (18, 2)]
