"""docs/add-a-cell.md, carried out: its files are written, its commands run, its messages come."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_pairs
import small_texts
import torch
from own_cells import forgotten

import rnnzoo
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.tasks import Recipe
from rnnzoo.testing import check_cell
from rnnzoo.zoo import read_config

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-cell.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {b.split("\n", 1)[0].removeprefix("# "): b for kind, b in FENCE.findall(PAGE) if kind in ("python", "toml")}
SMALL = "--hidden_size 5 --embedding_dim 4 --trainer.max_steps 2"
SMALL_TEXT = "--streams 64 --sample.max_new_tokens 9"
RECIPES = {
    "char_lm": ("char-lstm.pydocs", "", ""),
    "word_lm": ("word-lstm.ptb-small", "--text words.txt", "--text words.txt"),
    "classifier": ("cls-gru.names", "--files texts.csv", "--text texts.csv"),
    "translator": ("mt-gru.own-pairs", "--files pairs.src pairs.tgt --src en --tgt fr", "--text pairs.src pairs.tgt"),
}
"""For each task a recipe, since a cell from outside works in all of them; and the text to train and to test it on."""


def commands(section: str) -> list[str]:
    """The command lines in a section of the page."""
    text = re.split(rf"^## {section}\n", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]
    return [line for kind, body in FENCE.findall(text) if kind == "sh" for line in body.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the page's files, the current one; its package installed where only this test finds it."""
    folder = tmp_path_factory.mktemp("page")
    for name in ("leaky.py", "test_leaky.py", "use_leaky.py", "my-cells/pyproject.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(FILES[name], encoding="utf-8")
    (folder / "my-cells/my_cells").mkdir()
    shutil.copy(folder / "leaky.py", folder / "my-cells/my_cells/__init__.py")
    report = importlib.import_module("rnnzoo.tasks.language_model.job")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "SAMPLE_TOKENS", 40)
        patch.setattr(report, "MORE_TOKENS", 20)
        yield folder


@pytest.fixture
def installed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's package, installed for this test alone."""
    site = place / "site"
    if not site.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*pip, "--target", str(site), "./my-cells"], check=True, cwd=place)
    monkeypatch.syspath_prepend(str(site))
    return site


def carry_out(line: str) -> int:
    """One command of the page, each as in a process of its own; training is cut to two steps."""
    small = f" {SMALL}" + ("" if re.search(" (mt|cls)-", line) else f" {SMALL_TEXT}")
    words = shlex.split(line + (small if " train " in line else ""))
    assert words[0] == "rnnzoo"
    with forgotten():
        return main(words[1:])


@pytest.fixture(scope="module")
def runs(place: Path) -> Path:
    """The two runs that the page trains from its file."""
    for line in commands("Train it, and use it")[:2]:
        assert carry_out(line) == 0
    return place / "runs" / "char-lstm.pydocs"


def test_the_page_has_its_files() -> None:
    names = ("leaky.py", "test_leaky.py", "use_leaky.py", "my-cells/pyproject.toml", "rnnzoo/cells/leaky.py")
    assert set(FILES) == set(names)
    assert commands("Is it right\\?") == ["pytest test_leaky.py"]


def test_the_file_obeys_the_laws(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(place))
    with forgotten():
        importlib.import_module("test_leaky").test_the_laws()


def test_a_run_is_scored_speaks_and_is_verified(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for line in commands("Train it, and use it")[2:]:
        assert carry_out(line) == 0
        said.append(capsys.readouterr().out)
    test, generate, verify = said
    assert "nats/char" in test
    assert generate.startswith("The ")
    assert re.search(r"plug-ins +ok +leaky", verify)
    assert re.search(r"score +ok", verify)
    assert read_config(runs / "2")["model"]["backbone"]["cell"] == {"name": "leaky", "leak": 0.9}


def test_the_python_way(runs: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(place))
    with forgotten():
        names = vars(importlib.import_module("use_leaky"))
    assert names["y"].shape == (4, 7, 20)
    assert names["state"].h.shape == (4, 20)


def test_without_the_cell_one_line_says_what_to_do(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert carry_out("rnnzoo test runs/char-lstm.pydocs/1") == 2
    printed = " ".join(re.findall(r"^> (.*)$", PAGE, re.MULTILINE))
    sha256 = read_config(runs / "1")["plugins"]["leaky"]["sha256"]
    assert capsys.readouterr().err == printed.replace("sha256 ...", f"sha256 {sha256[:12]}...") + "\n"


def test_another_version_of_the_file_is_noticed(
    runs: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leaky.py").write_text((place / "leaky.py").read_text() + "# changed\n")
    capsys.readouterr()
    assert carry_out(f"rnnzoo verify runs/char-lstm.pydocs/1 --quick --import {tmp_path}/leaky.py") == 0
    assert re.search(r"plug-ins +not checked +leaky was leaky.py \w{12}, is leaky.py \w{12}", capsys.readouterr().out)


def test_a_package_in_every_task(installed: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recipe imports it; its folder is loaded, scored and verified with it, and not without."""
    assert set(RECIPES) == set(Recipe.names())
    train, test = commands("In a package of its own")
    (Path.cwd() / "words.txt").write_text("the cell keeps a share of what it was \n" * 300, encoding="utf-8")
    small_pairs.write(Path.cwd(), 60)
    small_texts.write(Path.cwd(), 200)
    for name, text, where in RECIPES.values():
        assert carry_out(f"{train.replace('char-lstm.pydocs', name)} {text} --runs others") == 0
        run = f"others/{name}/1"
        assert read_config(Path(run))["plugins"] == {"leaky": {"distribution": "my-cells", "version": "0.1"}}
        capsys.readouterr()
        assert carry_out(f"rnnzoo test {run}") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "needs the cell 'leaky' of the package my-cells 0.1: if you trust that package, install it" in error
        assert "my_cells" not in sys.modules
        assert carry_out(f"{test.replace('runs/char-lstm.pydocs/3', run)} {where}") == 0
        capsys.readouterr()
        assert carry_out(f"rnnzoo verify {run} --import my_cells {where}") == 0
        assert re.search(r"score +ok", capsys.readouterr().out)
        with forgotten():
            importlib.import_module("my_cells")
            assert rnnzoo.load(run).num_parameters > 0


def test_the_file_for_the_package_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `rnnzoo/cells/leaky.py` it is found by its name, and computes what the one-file cell does."""
    (tmp_path / "leaky.py").write_text(FILES["rnnzoo/cells/leaky.py"], encoding="utf-8")
    with forgotten(), monkeypatch.context() as patch:
        patch.setattr(rnnzoo.cells, "__path__", [*rnnzoo.cells.__path__, str(tmp_path)])
        builtin_cells.cache_clear()
        try:
            assert "leaky" in builtin_cells()
            for example in importlib.import_module("rnnzoo.cells.leaky").EXAMPLES:
                check_cell(example, dtypes=[torch.float64])
            assert rnnzoo.cells.leaky(3, 5, leak=0.9).leak == 0.9
            with pytest.raises(UserError, match="leak lies between 0 and 1"):
                CellConfig.from_dict({"name": "leaky", "leak": 2.0})
        finally:
            sys.modules.pop("rnnzoo.cells.leaky", None)
            vars(rnnzoo.cells).pop("leaky", None)
    builtin_cells.cache_clear()
