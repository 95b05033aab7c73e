"""Processes that know the hub by HF_ENDPOINT alone, which the libraries read when they are imported.

One imports everything, once, and forks a process for each command.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from small_lm import environment

ALL = (
    *("torch.utils.data", "datasets.packaged_modules", "fsspec.implementations.http", "scipy.io"),  # by datasets
    *("rich.console", "rich.progress", "rnnzoo.data.hub", "rnnzoo.data.shard_build"),
)
"""What a command imports when it runs."""

SECONDS = 300
"""After which a command that hangs is ended."""


class Said(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def variables(url: str, home: Path) -> dict[str, str]:
    """The environment of a process whose hub is at `url`, and whose files all lie in `home`."""
    places = {"HF_HOME": home / "huggingface", "RNNZOO_CACHE": home / "cache", "RNNZOO_DATA": home / "data"}
    return environment(HF_ENDPOINT=url, no_proxy="*", **{name: str(path) for name, path in places.items()})


class Client:
    """Runs commands, each in a process of its own."""

    def __init__(self, url: str, home: Path) -> None:
        self.home = home
        command = [sys.executable, __file__, str(home)]
        env = variables(url, home)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)

    def command(self, *words: str, at: Path, **more: str) -> Said:
        """``rnnzoo WORDS`` in the folder `at`; `more` are variables of its environment."""
        return self._run({"words": words, "at": str(at), "variables": more})

    def python(self, code: str, at: Path, **more: str) -> Any:
        """What the name `result` is after `code`."""
        said = self._run({"code": code, "at": str(at), "variables": more})
        assert said.code == 0, said.err
        return json.loads(said.out)

    def _run(self, job: dict[str, Any]) -> Said:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Said(code, *((self.home / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")))

    def close(self) -> None:
        """Ends the process that forks."""
        self._process.communicate()


@contextmanager
def running_client(url: str, home: Path) -> Iterator[Client]:
    """A client until the end of the block."""
    client = Client(url, home)
    try:
        yield client
    finally:
        client.close()


def serve(home: Path) -> None:
    """Forks a process for each line of standard input, and answers with its exit code."""
    from rnnzoo.cli import main

    for name in ALL:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.alarm(SECONDS)
            os.chdir(job["at"])
            os.environ.update(job["variables"])
            for name, number in (("stdout", 1), ("stderr", 2)):
                os.dup2(os.open(home / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            try:
                code = main(job["words"]) if "words" in job else execute(job["code"])
            except SystemExit as stopped:
                code = int(stopped.code or 0)
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def execute(code: str) -> int:
    """Prints what `code` makes of `result`."""
    names: dict[str, Any] = {}
    exec(code, names)
    print(json.dumps(names["result"]))
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
