"""Feeds a process that runs cases, and ends what hangs or takes too much memory."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fuzz.judge import LIMIT_BYTES

__all__ = ["SECONDS", "Driver"]

SECONDS = 20.0
"""Of computing, or of waiting without computing: a case that takes longer hangs."""

_START = 300.0


class Driver:
    """One process that forks, and what it answers. Used as a context.

    Args:
        seconds: that a case may take. most: bytes of memory that it may.
    """

    def __init__(self, seconds: float = SECONDS, most: int = LIMIT_BYTES) -> None:
        self.seconds, self.most = seconds, most
        self.folder = Path(tempfile.mkdtemp(prefix="rnnzoo-fuzz-"))
        tests = Path(__file__).resolve().parent.parent
        path = os.pathsep.join(map(str, (tests.parent, tests)))
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.worker", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        self._rest, self._pid, self._stack = b"", 0, Path()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self._kill()
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, cases: Iterable[tuple[str, int]]) -> Iterator[dict[str, Any]]:
        """What came of each case."""
        for kind, seed in cases:
            yield self.one(kind, seed)

    def one(self, kind: str, seed: int, without: tuple[int, ...] = (), keep: bool = False) -> dict[str, Any]:
        """What came of a case; its files stay where `keep` says so."""
        while not self._pid:
            self._hear(_START)
        assert self.process.stdin is not None
        request = {"kind": kind, "seed": seed, "without": without, "keep": keep, "most": self.most}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        moved, spent = time.monotonic(), self._cpu()
        at_first = spent
        while True:
            told = self._hear(0.1)
            replaced = told is not None and "pid" in told  # the next process says that it is there already
            if told is not None and "kind" in told and (told["kind"], told["seed"]) != (kind, seed):
                continue  # the answer to a case that was given up
            if told is not None and not replaced:
                if told.pop("last"):
                    self._pid = 0
                return told
            now, cpu = time.monotonic(), self._cpu()
            if cpu > spent + 0.02:
                moved, spent = now, cpu
            ended = self.process.poll() is not None
            over = cpu - at_first > self.seconds or now - moved > self.seconds
            fat = self._resident() > self.most * 1.1
            gone = replaced or not Path(f"/proc/{self._pid}").exists()
            if ended:
                raise RuntimeError(f"the process that forks has ended: {(self.folder / 'log').read_text()[-2000:]}")
            if over or fat or gone:
                verdict = "memory" if fat else "hang" if over else "killed"
                where = self._where() if over or fat else "by a signal"
                if not replaced:
                    self._kill()
                return {
                    **{"kind": kind, "seed": seed, "verdict": verdict, "where": where, "words": "", "changes": []},
                    **{"cpu": round(cpu - at_first, 1), "said": "", "code": None, "peak": 0},
                }

    def smallest(self, result: dict[str, Any]) -> dict[str, Any]:
        """The same failure with as few changes as it takes."""
        count, without = len(result["changes"]), list[int]()
        for number in range(count if count > 1 else 0):
            tried = self.one(result["kind"], result["seed"], (*without, number))
            if (tried["verdict"], tried.get("where")) == (result["verdict"], result.get("where")):
                without.append(number)
                result = tried
        return result | {"without": without}

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        """The next answer, if there is one in time."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise RuntimeError(f"the process that forks has ended: {(self.folder / 'log').read_text()[-2000:]}")
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        told: dict[str, Any] = json.loads(line)
        if "pid" in told:
            self._pid, self._stack = told["pid"], Path(told["stack"])
        return told

    def _cpu(self) -> float:
        try:
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _resident(self) -> int:
        try:
            return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * 4096
        except (OSError, IndexError):
            return 0

    def _where(self) -> str:
        """The innermost place in the package, of a process that hangs."""
        try:
            os.kill(self._pid, signal.SIGUSR1)
            end = time.monotonic() + 5
            while not (lines := self._stack.read_text().splitlines()) and time.monotonic() < end:
                time.sleep(0.1)
        except OSError:
            return "?"
        ours = [line for line in lines if "/rnnzoo/" in line and "/tests/" not in line]
        return ours[0].strip().rpartition("/rnnzoo/")[2] if ours else (lines or ["?"])[0]

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._pid = 0
