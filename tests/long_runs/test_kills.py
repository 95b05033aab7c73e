"""kill -9 at random instants: no run is lost, and no more than what came after the last checkpoint is done again.

`make kill-test N=200` runs as many cycles as it is told. A cycle is a real process: forked from one that has imported
everything, it starts or resumes a small run and is killed, half of them at a random instant of the run's whole length,
half of them before or after a random one of the system calls that write files. Runs lie on the disk and, with the
temporary folder on the other, on tmpfs. Now and then the newest checkpoint is spoilt as well.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher import Launcher
from small_run import EVERY, by_place, prepare, run_of, same, seen, steps, words

SHARED_MEMORY = Path("/dev/shm")
WRITES = 150
"""About as many system calls, counted twice, as a whole run makes to write files."""


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


DAMAGES = (truncated, flipped, zeroed, dangling)


class Campaign:
    """Kills small runs until there were enough, and checks each.

    Args:
        launcher: forks. places: folders, on one file system or several. seed: of all that is random.
    """

    def __init__(self, launcher: Launcher, places: list[Path], seed: int) -> None:
        self.launcher, self.places, self.draw = launcher, places, random.Random(seed)
        self.counts: Counter[str] = Counter()
        for name in ("first", "straight"):  # the first waits until everything is imported
            begun = time.monotonic()
            self.straight = prepare(places[0] / name)
            ranks = launcher.start(words(), self.straight)
            assert ranks.ends() == [0], ranks.said()
            self.span = time.monotonic() - begun
        same(places[0] / "first", self.straight)

    def run(self, kills: int) -> None:
        """Kills as often as that."""
        while self.counts["kills"] < kills:
            number = self.counts["runs"]
            place, other = (self.places[(number + turn) % len(self.places)] for turn in (0, 1))
            self._one(prepare(place / f"run-{number}"), other, kills)
            self.counts["runs"] += 1

    def _one(self, folder: Path, temporary: Path, kills: int) -> None:
        """One run, killed again and again until it comes to its end."""
        before, allowed = 0, EVERY
        for attempt in range(1000):
            last = max(steps(seen(folder)), default=0)
            begun = any(folder.glob("runs/small/*/run.json"))
            how = "no kill" if self.counts["kills"] >= kills or attempt > 12 else self._how()
            environment = {"TMPDIR": str(temporary)}
            if how == "in a write":
                environment["RNNZOO_TEST_END_IN_WRITE"] = str(self.draw.randrange(1, WRITES))
            more = [] if not begun else ["--resume"] if last > EVERY else ["--resume", "--restart"]
            ranks = self.launcher.start(words(None, *more), folder, env=environment)
            if how == "at any instant":
                instant = self.draw.uniform(0, self.span)
                if self.launcher.wait(ranks.pids[0], instant) is None:
                    ranks.send(signal.SIGKILL)
            (code,) = ranks.ends()
            assert code in (0, -signal.SIGKILL), f"lost: {ranks.said()}"
            self._repeated(folder, before, last, allowed)
            by_place(seen(folder))
            if steps(seen(folder)[before:]):  # else what was spoilt before is still the newest
                allowed = EVERY
            before = len(seen(folder))
            ended = any(folder.glob("runs/small/*/metrics.json"))
            if code:
                self.counts["kills"] += 1
                self.counts[how] += 1
            if ended:
                break
            if code and self.draw.random() < 0.2:
                allowed = max(allowed, self._damage(folder))
        same(folder, self.straight)
        shutil.rmtree(folder)

    def _how(self) -> str:
        return self.draw.choice(("at any instant", "in a write"))

    def _repeated(self, folder: Path, before: int, last: int, allowed: int) -> None:
        """How many steps were taken once more than needed."""
        again = steps(seen(folder)[before:])
        if again:
            repeated = last - (again[0] - 1)
            assert 0 <= repeated <= allowed, f"{repeated} steps repeated"
            self.counts["steps repeated"] += repeated
            self.counts["most steps repeated"] = max(self.counts["most steps repeated"], repeated)

    def _damage(self, folder: Path) -> int:
        """Spoils the newest of two whole checkpoints; returns how many steps may be repeated then."""
        begun = any(folder.glob("runs/small/*/run.json"))
        there = sorted((run_of(folder) / "checkpoints").glob("step-*.ckpt")) if begun else []
        found = [path for path in there if path.is_file()]  # a dangling one may be left from before
        if len(found) < 2:
            return 0
        damage = self.draw.choice(DAMAGES)
        damage(found[-1])
        self.counts[f"newest {damage.__name__}"] += 1
        return 2 * EVERY


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Path]]:
    """Folders on two file systems, where there are two."""
    found = [tmp_path]
    if SHARED_MEMORY.is_dir() and SHARED_MEMORY.stat().st_dev != tmp_path.stat().st_dev:
        found.append(Path(tempfile.mkdtemp(prefix="rnnzoo-kills-", dir=SHARED_MEMORY)))
    yield found
    for place in found[1:]:
        shutil.rmtree(place)


def test_three_kills(launcher: Launcher, places: list[Path]) -> None:
    Campaign(launcher, places, seed=3).run(3)


@pytest.mark.slow
def test_many_kills(launcher: Launcher, places: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """As many as RNNZOO_KILLS says."""
    campaign, wanted = Campaign(launcher, places, int(os.environ.get("RNNZOO_SEED", "0"))), 0
    kills = int(os.environ.get("RNNZOO_KILLS", "50"))
    while wanted < kills:
        wanted = min(wanted + 10, kills)
        campaign.run(wanted)
        with capsys.disabled():
            print(f"\n{dict(campaign.counts)}, on {len(places)} file systems", end="", flush=True)
    with capsys.disabled():
        print(f"\n{campaign.counts['kills']} kills, 0 runs of {campaign.counts['runs']} lost")
