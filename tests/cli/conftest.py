"""A folder to work in, the command as a function, and a small run."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import OWN, Outcome, contents, write_text

from rnnzoo.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; ``own.txt`` lies in it."""
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "own.txt")
    return tmp_path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs the command in this process."""

    def run(*words: str) -> Outcome:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as stopped:  # argparse's
            code = int(stopped.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A working directory with the run that OWN made, and what was said."""
    folder = tmp_path_factory.mktemp("trained")
    write_text(folder / "own.txt")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(OWN)
    return folder, Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
def run(here: Path, trained: tuple[Path, Outcome]) -> Path:
    """The same run, in this test's own working directory."""
    shutil.copytree(trained[0] / "runs", here / "runs")
    return here / "runs/char-lstm.own-text/1"


@pytest.fixture
def refused(here: Path, command: Callable[..., Outcome]) -> Callable[..., str]:
    """Runs a command that must not go well: one line, exit code 2, and every file as it was. Returns the line."""

    def run(*words: str) -> str:
        before = contents(here)
        code, out, err = command(*words)
        assert (code, out) == (2, ""), err
        assert contents(here) == before
        assert err.startswith("rnnzoo: ")
        assert err.count("\n") == 1
        return err.removeprefix("rnnzoo: ").rstrip("\n")

    return run
