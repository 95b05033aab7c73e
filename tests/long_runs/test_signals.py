"""SIGTERM to any rank: all of them stop after one step, none hangs, and the run goes on from there."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from launcher import Launcher, Ranks
from small_run import by_place, prepare, same, seen, steps, words

RANKS = 2
TARGETS = ((0,), (1,), (0, 1))


def stopped(ranks: Ranks, folder: Path) -> None:
    """Each rank says 143, rank 0 how to go on; nothing crashed."""
    assert ranks.ends() == [143] * RANKS, ranks.said()
    said = ranks.said()
    assert "Traceback" not in said
    assert said.count("--resume` goes on with it") <= 1
    for rank in range(RANKS):
        by_place(seen(folder, rank))


@pytest.fixture(scope="module")
def straight(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped."""
    folder = prepare(tmp_path_factory.mktemp("straight") / "run")
    ranks = launcher.start(words(ranks=RANKS), folder, RANKS)
    assert ranks.ends() == [0] * RANKS, ranks.said()
    return folder


def test_to_rank_0_to_rank_1_and_to_all(launcher: Launcher, straight: Path, tmp_path: Path) -> None:
    """In a step to one, in a validation to the other, in a step to both."""
    folder = prepare(tmp_path / "run")
    for number, (target, place) in enumerate(zip(TARGETS, ("t 0 3", "v 9 0", "t 1 5"), strict=True)):
        more = ("--resume",) if number else ()
        environment = {"RNNZOO_TEST_END": place, "RNNZOO_TEST_SIGNAL": str(int(signal.SIGTERM))}
        environment["RNNZOO_TEST_RANKS"] = " ".join(map(str, target))
        before = [len(seen(folder, rank)) for rank in range(RANKS)]
        stopped(launcher.start(words(None, *more, ranks=RANKS), folder, RANKS, env=environment), folder)
        ended = [steps(seen(folder, rank)[before[rank] :])[-1] for rank in range(RANKS)]
        assert ended[0] == ended[1]
        assert [path.name for path in (folder / "runs/small").iterdir()] == ["1"]  # the ranks have one folder
        if place.startswith("t"):  # after the step under way, or the next one
            assert ended[0] in (int(place[-1]) + 1 + 9 * number // 2, int(place[-1]) + 2 + 9 * number // 2)
            assert (folder / f"runs/small/1/checkpoints/step-{ended[0]:07}.ckpt").is_file()
    ranks = launcher.start(words(None, "--resume"), folder, RANKS)
    assert ranks.ends() == [0] * RANKS, ranks.said()
    same(folder, straight, RANKS)


@pytest.mark.slow
def test_at_random_instants(
    launcher: Launcher, straight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As often as RNNZOO_SIGNALS says; a run that comes to its end before is as good as one that was never stopped."""
    draw, tries, runs = random.Random(0), 0, 0
    wanted = int(os.environ.get("RNNZOO_SIGNALS", "100"))
    while tries < wanted:
        folder = prepare(tmp_path / f"run-{runs}")
        while True:
            more = ("--resume",) if max(steps(seen(folder)), default=0) else ()
            ranks = launcher.start(words(None, *more, ranks=RANKS), folder, RANKS)
            begun, aim = len(seen(folder, 0)), draw.randrange(8)
            while len(seen(folder, 0)) <= begun + aim and launcher.wait(ranks.pids[0], 0.01) is None:
                pass
            time.sleep(draw.uniform(0, 0.05))
            if tries < wanted and launcher.wait(ranks.pids[0], 0) is None:
                ranks.send(signal.SIGTERM, *TARGETS[tries % len(TARGETS)])
            codes = ranks.ends()
            assert None not in codes, f"hangs: {ranks.said()}"
            if codes == [143] * RANKS:
                tries += 1
                assert "Traceback" not in ranks.said()
            elif codes == [0] * RANKS:
                same(folder, straight, RANKS)
                break
            else:  # the signal came when training was over, or had not begun: nothing is lost either
                assert set(codes) <= {0, 143, -signal.SIGTERM}, ranks.said()
            if any(folder.glob("runs/small/*/metrics.json")):
                break
        runs += 1
        with capsys.disabled():
            print(
                f"\n{tries} signals, {runs} runs: no hang, every exit code 143, every run resumed", end="", flush=True
            )
