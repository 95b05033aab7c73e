"""What goes wrong on one rank ends all of them, with the same exit code, and is said once."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher import Launcher
from small_run import prepare, run_of, seen, steps, words

from rnnzoo.training import is_whole

NAN = {"RNNZOO_TEST_NAN": "t 0 5", "RNNZOO_TEST_RANKS": "1"}
"""The sixth chunk of rank 1 begins with a state that is not a number."""


def checkpoints(folder: Path) -> list[str]:
    """Those of the run, all whole."""
    found = sorted((run_of(folder) / "checkpoints").glob("*.ckpt"))
    assert all(is_whole(path) for path in found)
    assert not list((run_of(folder) / "checkpoints").glob(".*"))
    return [path.name for path in found]


def test_a_loss_that_is_not_finite(launcher: Launcher, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "run")
    ranks = launcher.start(words(ranks=2), folder, 2, env=NAN)
    assert ranks.ends() == [3, 3], ranks.said()
    said = [line for line in ranks.said().splitlines() if line.startswith("rnnzoo: ")]
    assert len(said) == 1
    assert "step 6 (batch 6 of epoch 1): the loss of rank 1 is nan" in said[0]
    assert checkpoints(folder) == ["step-0000002.ckpt", "step-0000004.ckpt"]


def test_a_step_is_skipped_on_all(launcher: Launcher, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "run")
    ranks = launcher.start(words({"on_nonfinite": "skip"}, ranks=2), folder, 2, env=NAN)
    assert ranks.ends() == [0, 0], ranks.said()
    assert ranks.said().count("step 6 (batch 6 of epoch 1) is skipped: the loss of rank 1 is nan") == 1
    assert [line[4] for line in seen(folder, 1) if line[0] == "t"].count("nan") == 1
    assert "nan" not in [line[4] for line in seen(folder, 0) if line[0] == "t"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_full_disk(launcher: Launcher, tmp_path: Path, ranks: int) -> None:
    """Rank 0 alone writes; the run goes on when there is room again."""
    folder = prepare(tmp_path / "run")
    full = {"RNNZOO_TEST_FULL": "2", "RNNZOO_TEST_RANKS": "0"}
    started = launcher.start(words(ranks=ranks), folder, ranks, env=full)
    assert started.ends() == [2] * ranks, started.said()
    assert "step-0000006.ckpt: cannot be written (No space left on device): make room" in started.said()
    assert "Traceback" not in started.said()
    assert checkpoints(folder) == ["step-0000002.ckpt", "step-0000004.ckpt"]
    before = len(seen(folder))
    started = launcher.start(words(None, "--resume"), folder, ranks)
    assert started.ends() == [0] * ranks, started.said()
    assert steps(seen(folder)[before:])[0] == 5
