"""Every code block of README and docs: Python is run, cheap commands are run, the others parsed, recipes read."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import random
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_pairs
import yaml
from blocks import CHEAP, OUTSIDE, ROOT, Block, blocks, check, commands, pages, parsed
from own_cells import CELL, forgotten

import rnnzoo
from benchmarks import front
from rnnzoo.cli import COMMANDS, main

ELSEWHERE = {
    "docs/add-a-cell.md": "carried out by test_add_a_cell.py",
    **{page: "run by tests/integrations" for page in pages() if page.startswith("docs/integrations/")},
    **{page: "run by test_tour.py" for page in pages() if page.startswith("docs/tour/")},
}
"""Pages whose Python has a test of its own."""

RUNS = {
    "char-lstm.pydocs": "char-lstm.tinyshakespeare",
    "char-lstm.own-text": "char-lstm.tinyshakespeare",
    "char-lstm.tinyshakespeare": "char-lstm.tinyshakespeare",
    "word-lstm.ptb-small": "word-lstm.ptb-small",
    "mt-gru.own-pairs": "mt-lstm.numbers-en-fr",
    "mt-lstm.numbers-en-fr": "mt-lstm.numbers-en-fr",
}
"""Runs that pages speak of, and the entry that stands in for each."""

MODEL = {"docs/translation.md": "mt-lstm.numbers-en-fr"}
"""What the word MODEL stands for in a page's commands; elsewhere a character model."""


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The current folder, with the files that a page names; training ends after two steps."""
    folder = tmp_path
    text = (ROOT / request.getfixturevalue("page")).read_text(encoding="utf-8")
    for recipe, entry in RUNS.items():
        if f"runs/{recipe}" in text:
            shutil.copytree(ROOT / "pretrained" / entry, folder / "runs" / recipe / "1")
            (folder / "runs" / recipe / "1" / "run.json").write_text("{}")
    draw = random.Random(0)
    words = ["The", "the", "cat", "sat", "on", "a", "mat", "and", "wrote", "to", "the", "king", "of", "words", "monday"]
    lines = [" ".join(draw.choices(words, k=9)) + ".\n" for _ in range(1100)]
    (folder / "mybook.txt").write_text("".join(lines))
    (folder / "letter.txt").write_text("".join(lines[:3]))
    sources, targets = small_pairs.pairs(300)
    (folder / "mine.en").write_text("\n".join(sources))
    (folder / "mine.fr").write_text("\n".join(targets))
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in zip(sources, targets, strict=True)))
    (folder / "news.en").write_text("twenty one\nfour hundred\n")
    (folder / "big.en.gz").write_bytes(gzip.compress(b"twenty one\n"))
    (folder / "my_cell.py").write_text(CELL.format(name="my_cell"))
    (folder / "leaky.py").write_text(CELL.format(name="leaky"))
    vectors = "".join(f"{word} {' '.join(['0.5'] * 100)}\n" for word in sorted({*words, "cat"}))
    (folder / "glove.6B.100d.txt").write_text(vectors)
    with zipfile.ZipFile(folder / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.100d.txt", vectors)
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        _cut_training(patch)
        yield folder


def _cut_training(patch: pytest.MonkeyPatch) -> None:
    fit = lightning.Trainer.fit

    def short(self: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        self.fit_loop.epoch_loop.max_steps = 2
        self.limit_val_batches = 1
        fit(self, *args, **kwargs)

    patch.setattr(lightning.Trainer, "fit", short)
    report = importlib.import_module("rnnzoo.tasks.language_model.job")
    patch.setattr(report, "SAMPLE_TOKENS", 40)
    patch.setattr(report, "MORE_TOKENS", 20)


def run_shell(block: Block) -> int:
    """Runs or parses the block's commands; returns how many were run."""
    ran = 0
    for words, fed in commands(block.code):
        model = MODEL.get(block.page, "char-lstm.tinyshakespeare")
        words = [model if word == "MODEL" else word for word in words]
        with pytest.MonkeyPatch.context() as patch, forgotten():
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"twenty one\n" if fed else b"")))
            ran += check(words)
    return ran


@pytest.mark.filterwarnings("ignore:The number of training batches")  # the text is a small one
@pytest.mark.parametrize("page", pages())
def test_a_page_runs(page: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its blocks from top to bottom; all Python of a page shares its names."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.reason:
            continue
        if block.kind == "python" and page not in ELSEWHERE:
            exec(compile("\n" * block.line + block.code, block.page, "exec"), names)
        elif block.kind in ("sh", "bash") and page != "docs/add-a-cell.md":
            run_shell(block)
        elif block.kind == "yaml":
            read_recipe(block)


def read_recipe(block: Block) -> None:
    """A part of a recipe: it is merged over a whole one."""
    part = yaml.safe_load(block.code)
    Path("part.yaml").write_text(yaml.safe_dump({"model": part} if "backbone" in part else part))
    assert main(["train", "char-lstm.own-text", "--over", "part.yaml", "--fields"]) == 0


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    """Nothing is passed over in silence; what is exempt says why."""
    found = [block for page in pages() for block in blocks(page)]
    kinds = {kind: sum(block.kind == kind for block in found) for kind in {block.kind for block in found}}
    assert kinds.keys() <= {"python", "sh", "bash", "yaml", "text", "toml"}, kinds
    assert kinds["python"] > 50
    assert kinds["sh"] > 50
    exempt = [block for block in found if block.reason]
    assert len(exempt) <= 12
    assert all(len(str(block.reason)) > 10 for block in exempt)
    assert set(ELSEWHERE) <= set(pages())


def test_a_page_that_is_wrong_is_noticed() -> None:
    for words in ("rnnzoo trian x", "rnnzoo generate x --tempreature 1", "rnnzoo train char-lstm.pydocs --celll gru"):
        with pytest.raises((AssertionError, rnnzoo.UserError, SystemExit)):
            check(words.split())
    for words in ("make nothing", "python -m benchmarks.zoo --chekc", "pip install rnnzoo[no]", "wget x"):
        with pytest.raises((AssertionError, SystemExit)):
            check(words.split())
    assert parsed(["train", "x", "--lr", "1"]) == ["--lr", "1"]
    assert [words for words, _ in commands("A=1 a b | c > d && e # f\ng \\\n h")] == [
        ["a", "b"],
        ["c"],
        ["e"],
        ["g", "h"],
    ]


def test_the_readme_has_every_command() -> None:
    """Its table is held to the parser: a command more or less is seen."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("| command | does |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {row.split("`")[1].split()[1] for row in rows}
    assert named == set(COMMANDS)
    assert set(CHEAP) - {"data ls"} <= set(COMMANDS)
    assert not set(COMMANDS) & set(OUTSIDE)


@pytest.mark.parametrize("page", front.PAGES)
def test_a_first_page_shows_what_comes_out(page: str) -> None:
    """README's lines run as printed."""
    assert front.made(page) == (ROOT / page).read_text(encoding="utf-8")


def test_links_of_the_readme_lead_somewhere() -> None:

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
