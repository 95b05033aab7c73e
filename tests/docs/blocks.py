"""The code blocks of README and docs, and what a test does with each line of them.

A block that cannot be run as it stands has ``<!-- not run: REASON -->`` on the line above it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.cli import main

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"(?:^<!-- not run: (.+?) -->\n)?^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
ENV = re.compile(r"[A-Z_]+=\S*")

OUTSIDE = {
    "source": "the shell's own",
    "python3": "makes the environment that the tests run in",
    "hf": "the hub's command, which asks for a token",
    "pytest": "is what runs this",
    "torchrun": "starts several machines; tests/tasks/test_ranks.py starts ranks",
    "srun": "needs SLURM",
    "scontrol": "needs SLURM",
    "rnnzoo-lm-eval": "needs an extra; tests/integrations/test_lm_eval.py runs it",
    "rnnzoo-runtime": "a distribution of its own; tests/runtime/test_light.py runs it",
    "docker": "tests/serve/test_docker.py carries out what it builds",
    "git": "no part of the package",
    "zcat": "the shell's",
    "jupyter": "opens a browser; test_notebooks.py runs the notebooks",
}
"""Commands that are not ours, and why no test runs them."""

CHEAP = ("recipes", "list", "show", "generate", "translate", "score", "data ls", "export")
"""Subcommands that take seconds: these are run. The others train, measure or download: they are parsed."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: its file, from the root. line: of its fence. kind: as the fence says. code: what it holds.
        reason: why it is not run; None where it is.
    """

    page: str
    line: int
    kind: str
    code: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """README and all pages of the docs that are in the repository."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*/*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found if path.parent.name not in ("_build", "comparison")]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, from top to bottom."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start(2)) + 1, found[2], found[3], found[1])
        for found in FENCE.finditer(text)
    ]


def commands(code: str) -> Iterator[tuple[list[str], bool]]:
    """The commands of a shell block, each with whether something is piped or redirected into it."""
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>&;")
        lexer.whitespace_split = True
        words: list[str] = []
        fed = False
        for word in [*lexer, ";"]:
            if word in ("|", "&&", ";", "||"):
                while words and ENV.fullmatch(words[0]):
                    words.pop(0)
                for sign in ("<", ">"):
                    if sign in words:
                        fed = fed or sign == "<"
                        at = words.index(sign)
                        del words[at : at + 2]
                if words:
                    yield words, fed
                words, fed = [], word == "|"
            else:
                words.append(word)


class Parsed(BaseException):
    """An argument parser has taken its words: the command exists, and so do its options.

    No `Exception`, since the command catches all of those.
    """

    def __init__(self, arguments: argparse.Namespace, rest: list[str]) -> None:
        super().__init__()
        self.arguments, self.rest = arguments, rest


@contextlib.contextmanager
def only_parsing() -> Iterator[None]:
    """Whatever parses its arguments within it stops there, with `Parsed`."""
    known = argparse.ArgumentParser.parse_known_args
    depth = 0

    def stopped(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
        nonlocal depth
        depth += 1
        try:
            arguments, rest = known(self, *args, **kwargs)
        finally:
            depth -= 1
        if depth == 0:
            raise Parsed(arguments, rest)
        return arguments, rest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_known_args", stopped)
        yield


def parsed(words: list[str]) -> list[str]:
    """Parses ``rnnzoo`` words; returns what are settings of a recipe."""
    try:
        with only_parsing():
            main(words)
    except Parsed as found:
        arguments, rest = found.arguments, found.rest
    else:
        raise AssertionError(f"the command refuses its words: {words}")
    assert hasattr(arguments, "run"), f"no such command: {words}"
    assert not rest or getattr(arguments, "takes_settings", False), f"no such options: {rest}"
    return rest


def trained(words: list[str]) -> None:
    """Reads the settings of a ``train``, or the first point of a ``sweep``, and trains nothing."""
    kept = [word for word in words[1:] if word not in ("--resume", "--restart", "--report")]
    if words[0] == "sweep":
        takes_value = ("--jobs", "--threads", "--out", "--page", "--device")
        kept = [w for i, w in enumerate(kept) if w not in takes_value and (i == 0 or kept[i - 1] not in takes_value)]
        kept = [kept[0], *(w if w.startswith("--") else w.split(",")[0] for w in kept[1:])]
    assert main(["train", *kept, "--fields"]) == 0, words


def check(words: list[str]) -> bool:
    """Runs or parses one command of a page; True where it was run.

    Raises:
        AssertionError: it is no command of ours, it cannot be parsed, or it failed.
    """
    name, *rest = words
    if name == "rnnzoo":
        parsed(rest)
        if rest[0] in ("train", "sweep"):
            trained(rest)
        cheap = rest[0] in CHEAP or " ".join(rest[:2]) in CHEAP
        traced = rest[0] == "export" and rest[1].startswith(
            "mt-"
        )  # by tests/export, apart from these tests' shape checks
        if cheap and not traced and not any(word.lower().startswith("org/") for word in rest):
            assert main(rest) == 0, words
            return True
    elif name == "python" and rest[0] == "-m":
        module = importlib.import_module(_module(rest[1]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", rest[1:])
            with only_parsing(), pytest.raises(Parsed) as found:
                module.main()
        assert not found.value.rest, f"no such options: {found.value.rest}"
    elif name == "python":
        assert (ROOT / rest[0]).is_file(), words
    elif name == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert {word for word in rest if "=" not in word} <= set(targets), words
    elif name == "pip":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for asked in re.findall(r"rnnzoo\[(.*?)\]", " ".join(rest)):
            assert set(asked.split(",")) <= set(project["optional-dependencies"]), words
    else:
        assert name in OUTSIDE, f"{name}: a command of whom? ({words})"
    return False


def _module(name: str) -> str:
    """What ``python -m NAME`` runs."""
    package = (ROOT / name.replace(".", "/")).is_dir()
    full = f"{name}.__main__" if package else name
    sys.modules.pop(full, None)
    return full
