"""Real processes that start in a fraction of a second: one imports everything once, and forks for each run.

`Launcher` is used by the tests; as a script this file is the process that forks. What runs in a fork is the `rnnzoo`
command with a `Witness` among its callbacks, and nothing of it is left for the next one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

LATEST = 240.0
"""Seconds after which something hangs, also on a busy machine."""


class Launcher:
    """Starts commands, tells how they ended."""

    def __init__(self) -> None:
        import small_lm

        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=small_lm.environment(Path(__file__).parent),
        )
        self._ended: dict[int, int] = {}
        self._rest = b""

    def start(self, words: Sequence[str], folder: Path, ranks: int = 1, env: Mapping[str, str] | None = None) -> Ranks:
        """Starts ``rnnzoo WORDS`` in `folder`, as torchrun would on so many ranks; they write to ``log.RANK`` there."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        pids = []
        for rank in range(ranks):
            given = {"RNNZOO_TEST_RANK": str(rank), **(env or {})}
            if ranks > 1:
                given |= {name: str(rank) for name in ("RANK", "LOCAL_RANK")}
                given |= {name: str(ranks) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE")}
                given |= {"GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test"}
                given |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            log = folder / f"log.{rank}"
            request = {"words": list(words), "folder": str(folder), "env": given, "log": str(log)}
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            while "started" not in (told := self._read(LATEST)):
                self._ended[told["pid"]] = told["code"]
            pids.append(told["started"])
        return Ranks(self, pids, folder)

    def wait(self, pid: int, seconds: float) -> int | None:
        """The exit code, negative after a signal; None if it does not end in time."""
        end = time.monotonic() + seconds
        while pid not in self._ended and (left := end - time.monotonic()) > 0:
            if told := self._read(left):
                self._ended[told["pid"]] = told["code"]
        return self._ended.get(pid)

    def close(self) -> None:
        """Ends the process that forks."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(LATEST)

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                return {}
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, "the process that forks has ended"
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        told: dict[str, Any] = json.loads(line)
        return told


class Ranks:
    """The processes of one run."""

    def __init__(self, launcher: Launcher, pids: list[int], folder: Path) -> None:
        self.launcher, self.pids, self.folder = launcher, pids, folder

    def send(self, number: signal.Signals, *ranks: int) -> None:
        """A signal to some ranks, or to all."""
        for rank in ranks or range(len(self.pids)):
            try:
                os.kill(self.pids[rank], number)
            except ProcessLookupError:  # it has come to its end
                continue

    def ends(self, seconds: float = LATEST) -> list[int | None]:
        """The exit codes; None for what hangs, which is killed."""
        end = time.monotonic() + seconds
        codes = [self.launcher.wait(pid, max(end - time.monotonic(), 0.01)) for pid in self.pids]
        self.send(signal.SIGKILL, *[rank for rank, code in enumerate(codes) if code is None] or [len(codes) - 1])
        return codes

    def killed(self) -> list[int | None]:
        """Waits until one has ended, kills the others as a scheduler would, and returns all exit codes."""
        end = time.monotonic() + LATEST
        while time.monotonic() < end:
            if any(self.launcher.wait(pid, 0.05) is not None for pid in self.pids):
                break
        self.send(signal.SIGKILL)
        return [self.launcher.wait(pid, LATEST) for pid in self.pids]

    def said(self) -> str:
        """What they wrote."""
        return "".join((self.folder / f"log.{rank}").read_text(errors="replace") for rank in range(len(self.pids)))


# -------------------------------------------------------------------------------------------- the process that forks


def serve() -> None:
    """Forks for each line of standard input, and reports each end."""
    import torch
    import witness

    witness.prepare()
    torch.set_num_threads(1)
    rest, alive = b"", set[int]()
    while True:
        ready = select.select([0], [], [], 0.02 if alive else None)[0]
        for pid in list(alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                alive.discard(pid)
                _say({"pid": pid, "code": os.waitstatus_to_exitcode(status)})
        if not ready:
            continue
        more = os.read(0, 65536)
        if not more:
            return
        *lines, rest = (rest + more).split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                _become(json.loads(line))
            alive.add(pid)
            _say({"started": pid})


def _become(request: dict[str, Any]) -> NoReturn:
    from rnnzoo.cli import main

    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, nothing), (1, log), (2, log)):
        os.dup2(file, number)
    os.chdir(request["folder"])
    os.environ.update(request["env"])
    import witness

    witness.attach()
    sys.exit(main(request["words"]))


def _say(told: dict[str, Any]) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    serve()
