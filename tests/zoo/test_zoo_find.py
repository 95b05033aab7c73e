"""From a name to a folder: zoo entries, folders, runs; recipes; checkout and installed package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import (
    entry_names,
    find_model,
    find_recipe,
    load,
    packaged,
    parse_yaml,
    read_recipe,
    recipe_name,
    recipe_names,
    save_folder,
)
from rnnzoo.zoo.recipes import recipe_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """A checkout with two entries; the working directory is elsewhere."""
    (tmp_path / "checkout" / "rnnzoo").mkdir(parents=True)
    (tmp_path / "checkout" / "pyproject.toml").touch()
    for name in ("char-lstm.one", "char-gru.two"):
        save_folder(tmp_path / "checkout" / "pretrained" / name, model)
    monkeypatch.setattr("rnnzoo.zoo.paths.PACKAGE", tmp_path / "checkout" / "rnnzoo")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "checkout"


def test_entry_by_name(home: Path) -> None:
    assert entry_names() == {name: home / "pretrained" / name for name in ("char-gru.two", "char-lstm.one")}
    assert find_model("char-lstm.one") == home / "pretrained" / "char-lstm.one"
    assert isinstance(load("char-lstm.one"), LanguageModel)


def test_misspelt_entry(home: Path) -> None:
    with pytest.raises(UserError, match=r"^unknown model 'char-lstm.on' \(did you mean 'char-lstm.one'\?\)$"):
        find_model("char-lstm.on")


def test_a_name_is_not_a_folder(home: Path, model: LanguageModel) -> None:
    """A folder of that name lying about is not taken for an entry, but it is mentioned."""
    save_folder("mine", model)
    with pytest.raises(UserError, match=r"^unknown model 'mine'; the folder of that name is ./mine$"):
        find_model("mine")
    assert find_model("./mine") == Path("mine")
    assert find_model("mine/") == Path("mine")
    assert find_model(Path("mine")) == Path("mine")
    assert find_model(os.path.abspath("mine")) == Path("mine").absolute()
    save_folder("char-lstm.one", model)
    assert find_model("char-lstm.one") == home / "pretrained" / "char-lstm.one"


@pytest.mark.parametrize(
    "name", ["runs/none", "org/repo/", "one/two/three", "./char-lstm.one", "../nowhere", "/nowhere/at/all", "."]
)
def test_missing_folder_asks_no_hub(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nothing is looked for beyond this machine, and it is said plainly."""

    def asked(*args: object) -> None:
        raise AssertionError("a hub was asked")

    Path("runs").mkdir()  # what looks like ORG/REPO is a folder where the first part is one
    monkeypatch.setattr(socket, "socket", asked)
    monkeypatch.setattr(socket, "getaddrinfo", asked)
    with pytest.raises(UserError, match=r"(no such folder|holds no model)$"):
        load(name)


def test_no_entries_at_all(home: Path) -> None:
    shutil.rmtree(home / "pretrained")
    assert entry_names() == {}
    with pytest.raises(UserError, match=r"unknown model 'x'; a run is named by its folder, such as runs/RECIPE/1"):
        find_model("x")


def test_folder_of_runs_is_its_last_finished_run(home: Path, model: LanguageModel) -> None:
    for number in (2, 9, 10, 11):
        run = Path("runs/r") / str(number)
        run.mkdir(parents=True)
        (run / "run.json").write_text("{}")
        if number < 11:
            save_folder(run, model)
    assert find_model("runs/r") == Path("runs/r/10")
    assert load("runs/r").config == model.config
    assert find_model("runs/r/2") == Path("runs/r/2")
    with pytest.raises(UserError, match="has not ended yet"):
        load("runs/r/11")


def test_folder_of_unfinished_runs(home: Path) -> None:
    Path("runs/r/1").mkdir(parents=True)
    Path("runs/r/1/run.json").write_text("{}")
    with pytest.raises(UserError, match=r"^runs/r: no run in it has come to its end$"):
        load("runs/r")


def test_file_instead_of_a_folder(home: Path) -> None:
    Path("model.safetensors").touch()
    with pytest.raises(UserError, match="no such folder"):
        load("./model.safetensors")


def test_packaged_prefers_the_checkout(home: Path) -> None:
    (home / "rnnzoo" / "_pretrained").mkdir()
    assert packaged("pretrained") == home / "pretrained"
    assert packaged("recipes") is None
    (home / "rnnzoo" / "_recipes").mkdir()
    assert packaged("recipes") == home / "rnnzoo" / "_recipes"


def test_packaged_without_a_checkout(home: Path) -> None:
    """A folder called ``pretrained`` that happens to lie beside an installed package is nobody's."""
    (home / "pyproject.toml").unlink()
    assert packaged("pretrained") is None
    (home / "rnnzoo" / "_pretrained").mkdir()
    assert packaged("pretrained") == home / "rnnzoo" / "_pretrained"


def test_installed_package(tmp_path: Path, model: LanguageModel) -> None:
    """The layout that the wheel has, in a process of its own: names lead to recipes and entries."""
    site = tmp_path / "site"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rnnzoo", site / "rnnzoo", ignore=ignore)
    shutil.copytree(ROOT / "recipes", site / "rnnzoo" / "_recipes")
    save_folder(site / "rnnzoo" / "_pretrained" / "char-lstm.small", model)
    code = (
        "import rnnzoo.zoo as zoo; print(zoo.find_recipe('char-lstm.pydocs'));"
        "print(zoo.find_model('char-lstm.small')); print(type(zoo.load('char-lstm.small')).__name__)"
    )
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    package = site / "rnnzoo"
    recipe, entry = package / "_recipes/char_lm/char-lstm.pydocs.yaml", package / "_pretrained/char-lstm.small"
    assert done.stdout.split() == [str(recipe), str(entry), "LanguageModel"]


def test_recipe_names_are_unique_files() -> None:
    names = recipe_names()
    assert "char-lstm.tinyshakespeare" in names
    files = {path for path in ROOT.glob("recipes/*/*.yaml") if path.parent.name != "hardware"}
    assert set(names.values()) == files
    several = {path for path in files if list(names.values()).count(path) > 1}
    assert {path.stem for path in several} == {"char-lstm.books", "mt-mingru.tatoeba"}
    assert all(path.stem == name for name, path in names.items() if path not in several)


def test_a_file_that_holds_a_recipe_a_book() -> None:
    names = recipe_names()
    books = [name for name, path in names.items() if path.stem == "char-lstm.books"]
    assert sorted(books) == [
        *("char-lstm.commedia", "char-lstm.faust", "char-lstm.germinal", "char-lstm.kalevala", "char-lstm.machado"),
        *("char-lstm.pan-tadeusz", "char-lstm.quijote", "char-lstm.soseki"),
    ]
    assert "char-lstm.books" not in names
    first, second = read_recipe("char-lstm.kalevala"), read_recipe("char-lstm.faust")
    assert first["data"].pop("corpus") == "kalevala"
    assert second["data"].pop("corpus") == "faust"
    assert second["trainer"].pop("max_epochs") == 16
    assert first["trainer"].pop("max_epochs") == 8
    assert first == second
    assert "variants" not in first
    assert recipe_name("char-lstm.faust") == "char-lstm.faust"
    text = recipe_text("char-lstm.faust")
    assert text.startswith("# ")
    assert parse_yaml(text) == read_recipe("char-lstm.faust")
    assert recipe_text("char-lstm.pydocs") == names["char-lstm.pydocs"].read_text(encoding="utf-8")
    for name in ("char-lstm.books", "char-lstm.kalevalla"):
        with pytest.raises(UserError, match="unknown recipe"):
            read_recipe(name)
    with pytest.raises(UserError, match=r"books.yaml: holds several recipes; name one of them: char-lstm.faust, "):
        read_recipe(names["char-lstm.faust"])


@pytest.mark.parametrize("variants", ["[a, b]", "{a: b}", "text"])
def test_variants_that_are_none(home: Path, variants: str) -> None:
    (home / "recipes" / "char_lm").mkdir(parents=True)
    (home / "recipes" / "char_lm" / "a.b.yaml").write_text(f"# x\ntask: char_lm\nvariants: {variants}\n")
    with pytest.raises(UserError, match="variants: is a mapping of tags"):
        recipe_names()


def test_recipe_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_recipe("char-lstm.pydocs") == ROOT / "recipes" / "char_lm" / "char-lstm.pydocs.yaml"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no such recipe file"):
        find_recipe("mine.yaml")
    Path("mine.yaml").write_text("task: char_lm\n")
    assert find_recipe("mine.yaml") == find_recipe(Path("mine.yaml")) == Path("mine.yaml")


def test_misspelt_recipe() -> None:
    with pytest.raises(UserError, match=r"unknown recipe 'char-lstm.pydoc' \(did you mean 'char-lstm.pydocs'\?\)"):
        find_recipe("char-lstm.pydoc")


def test_hardware_overlays_are_no_recipes(home: Path) -> None:
    for task in ("char_lm", "hardware"):
        (home / "recipes" / task).mkdir(parents=True)
        (home / "recipes" / task / f"{task}-x.yaml").write_text("{}")
    assert list(recipe_names()) == ["char_lm-x"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a recipe is a mapping"),
        (b"- a\n", "a recipe is a mapping"),
        (b"just text\n", "a recipe is a mapping"),
        (b"a: [1\nb: 2\n", "line 2"),
        (b"a: 1\n\tb: 2\n", "line 2"),
        (b"a: \xff\n", "byte 3"),
        (b"a: \x01\n", "r.yaml"),
        (b"data: {corpus: a}\ndata: {corpus: b}\n", "line 2: 'data' appears twice"),
        (b"a: !!python/object/apply:os.getcwd []\n", "line 1"),
        (b"a: !!python/name:os.system\n", "line 1"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_recipe(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-3", 0.003),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-2.", -2.0),
        ("12", 12),
        ("-1", -1),
        ("007", 7),
        ("1_000", "1_000"),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("null", None),
        ("", None),
        ("12:30:00", "12:30:00"),
        ("00:00:01:00", "00:00:01:00"),
        ("2024-01-31", "2024-01-31"),
        ("[1, a]", [1, "a"]),
        ("{lr: 1e-3}", {"lr": 0.001}),
        ("The ", "The"),
        ("'3'", "3"),
        (".inf", float("inf")),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    from rnnzoo.zoo import parse_yaml

    assert parse_yaml(text) == value
    assert type(parse_yaml(text)) is type(value)
