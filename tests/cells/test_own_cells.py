"""Cells from outside: what registering, importing and offering one takes, and what is said when it goes wrong."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import torch
from own_cells import CELL, forgotten, install

import rnnzoo
from rnnzoo.cells import Cell, CellConfig, import_cells, register_cell
from rnnzoo.cells._offers import installed_allowed, offered
from rnnzoo.cells._plugins import origin
from rnnzoo.cells.rnn import RNN
from rnnzoo.errors import UserError
from rnnzoo.tasks import Recipe
from rnnzoo.testing import check_cell


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    with forgotten():
        yield


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which packages are found."""
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


# ------------------------------------------------------------------------------------------------- registering


def test_the_options_of_a_cell_are_those_of_its_config() -> None:
    @register_cell("twin")
    class Twin(RNN):
        def __init__(
            self, input_size: int, hidden_size: int, kind: Literal["tanh", "relu"] = "tanh", *, scale: float
        ) -> None:
            super().__init__(input_size, hidden_size, kind)
            self.scale = scale

    config = CellConfig.from_dict({"name": "twin", "scale": 2})
    assert config.to_dict() == {"name": "twin", "kind": "tanh", "scale": 2.0}
    cell = config.build(3, 5)
    assert (type(cell), cell.output_size, cell.scale, cell.nonlinearity) == (Twin, 5, 2.0, "tanh")
    check_cell(config, dtypes=[torch.float64])
    with pytest.raises(UserError, match=r"cell\.scale: is missing"):
        CellConfig.from_dict("twin", "cell")
    with pytest.raises(UserError, match=r"cell\.kind: unknown value 'sin'"):
        CellConfig.from_dict({"name": "twin", "kind": "sin", "scale": 1.0}, "cell")
    assert "twin" in CellConfig.names()
    assert origin(type(config)) == origin(CellConfig.find("twin"))


def test_what_is_no_cell_is_not_registered() -> None:
    with pytest.raises(TypeError, match=r"mine: register_cell stands over a subclass of rnnzoo\.cells\.Cell"):
        register_cell("mine")(torch.nn.Linear)  # type: ignore[type-var]

    class Sizes(RNN):
        def __init__(self, size: int, hidden_size: int) -> None:
            super().__init__(size, hidden_size)

    with pytest.raises(TypeError, match=r"Sizes takes \(size, hidden_size, \.\.\.\), not \(input_size"):
        register_cell("mine")(Sizes)

    class Untyped(RNN):
        def __init__(self, input_size: int, hidden_size: int, scale=1.0) -> None:  # type: ignore[no-untyped-def]
            super().__init__(input_size, hidden_size)

    with pytest.raises(TypeError, match=r"Untyped: the option scale=1\.0 needs a name and a type"):
        register_cell("mine")(Untyped)
    assert "mine" not in CellConfig.names()


@pytest.mark.parametrize("name", ["gru_reset_before", "rnn"])
def test_a_built_in_name_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while its own file is not imported yet."""
    monkeypatch.delitem(CellConfig._members, name, raising=False)
    with pytest.raises(ValueError, match=rf"two cells are called '{name}': rnnzoo\.cells\.{name} and "):

        @register_cell(name)
        class Another(RNN):
            pass

    assert name not in CellConfig._members


# --------------------------------------------------------------------------------------------------- importing


def test_a_file_is_run_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "torch.py"  # whatever it is called, the real one stays
    path.write_text(CELL.format(name="mine"))
    import_cells(str(path))
    kind = CellConfig.find("mine")
    import_cells(str(path))
    assert CellConfig.find("mine") is kind
    assert origin(kind)["file"] == "torch.py"
    path.write_text(CELL.format(name="mine") + "CHANGED = True\n")
    import_cells(str(path))
    assert CellConfig.find("mine") is not kind
    assert sys.modules["torch"] is torch
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "torch.py").touch()
    with pytest.raises(UserError, match=r"other/torch\.py: another file of that name is imported already: .*torch\.py"):
        import_cells(str(tmp_path / "other" / "torch.py"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\ndef f(:\n", r"mine\.py, line 2: cannot be imported: SyntaxError: "),
        ("x = 1\n\nprint(y)\n", r"mine\.py, line 3: cannot be imported: NameError: name 'y' is not defined"),
        ("\nimport no_such_module\n", r"mine\.py, line 2: cannot be imported: ModuleNotFoundError: "),
        (CELL.format(name="lstm"), r"mine\.py, line 6: cannot be imported: ValueError: two cells are called 'lstm'"),
    ],
)
def test_a_file_that_fails_is_one_line_with_the_place(tmp_path: Path, code: str, said: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code)
    with pytest.raises(UserError, match=said):
        import_cells(str(path))
    path.write_text(CELL.format(name="mine"))
    import_cells(str(path))  # once it is put right
    assert CellConfig.find("mine").name == "mine"


def test_what_is_not_there_is_said(site: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.py: no such file"):
        import_cells("nowhere.py")
    with pytest.raises(UserError, match=r"--import nowhere: no such package is installed, and it is no \.py file"):
        import_cells("nowhere")
    (site / "broken.py").write_text("import no_such_module\n")
    with pytest.raises(UserError, match="--import broken: cannot be imported: ModuleNotFoundError: "):
        import_cells("broken")


def test_a_module_that_offers_nothing_is_just_imported(site: Path) -> None:
    (site / "plain.py").write_text(CELL.format(name="mine"))
    import_cells("plain")
    assert CellConfig.find("mine").__module__ == "plain"
    assert origin(CellConfig.find("mine")).keys() == {"file", "sha256"}


# ---------------------------------------------------------------------------------------------------- offering

RECIPE = {"task": "char_lm", "data": {"corpus": "pydocs"}, "model": {"backbone": {"cell": {"name": "mine"}}}}


def test_an_offered_cell_is_imported_for_a_recipe_and_for_nothing_else(site: Path) -> None:
    install(site, "my-cells", "my_module", CELL.format(name="mine"), mine="my_module:Mine")
    assert "mine" in CellConfig.names()
    with pytest.raises(UserError, match=r"^cell: the cell 'mine' of the installed package my-cells is not imported: "):
        CellConfig.from_dict("mine", "cell")
    assert "my_module" not in sys.modules
    Recipe.from_mapping(RECIPE | {"model": {"backbone": {"cell": "lstm"}}})
    assert "my_module" not in sys.modules
    Recipe.from_mapping(RECIPE)
    assert origin(CellConfig.find("mine")) == {"distribution": "my-cells", "version": "2.1"}


@pytest.mark.parametrize("name", ["my-cells", "My_Cells", "my_module"])
def test_import_takes_the_package_by_either_name(site: Path, name: str) -> None:
    install(site, "my-cells", "my_module", CELL.format(name="mine"), mine="my_module:Mine")
    import_cells(name)
    assert CellConfig.find("mine").__module__ == "my_module"


def test_a_package_that_fails_is_one_line(site: Path) -> None:
    install(site, "my-cells", "broken_cells", "1 / 0\n", mine="broken_cells:Mine")
    with pytest.raises(UserError, match=r"the cell 'mine' of the package my-cells \(broken_cells:Mine\) cannot be imp"):
        Recipe.from_mapping(RECIPE)


def test_a_package_that_does_not_keep_its_word_is_named(site: Path) -> None:
    install(site, "my-cells", "other_cells", CELL.format(name="other"), mine="other_cells:Mine")
    with installed_allowed(), pytest.raises(UserError, match="my-cells offers a cell 'mine', but other_cells:Mine reg"):
        CellConfig.find("mine")


def test_two_packages_with_one_name_are_refused(site: Path) -> None:
    install(site, "my-cells", "my_module", CELL.format(name="mine"), mine="my_module:Mine")
    install(site, "your-cells", "your_module", CELL.format(name="mine"), mine="your_module:Mine")
    with pytest.raises(UserError, match=r"two packages offer a cell 'mine': (my|your)-cells and (my|your)-cells"):
        offered()


def test_register_cell_is_public() -> None:
    assert rnnzoo.register_cell is register_cell is importlib.import_module("rnnzoo.cells").register_cell
    assert issubclass(RNN, Cell)
