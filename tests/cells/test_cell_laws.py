"""Every cell of the package, found by walking it, obeys every law."""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path

import pytest
import torch

import rnnzoo.cells
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.testing import LAWS, TOLERANCES, Law, check_cell, check_law, make_case

EXAMPLES = {name: importlib.import_module(f"rnnzoo.cells.{name}").EXAMPLES for name in builtin_cells()}
CELLS = [pytest.param(example, id=f"{name}-{i}") for name, of in EXAMPLES.items() for i, example in enumerate(of)]
case_of = lru_cache(make_case)  # laws change nothing, so a cell's 21 laws share one
DTYPES = [pytest.param(dtype, id=str(dtype).removeprefix("torch.")) for dtype in TOLERANCES]


def test_the_walk_finds_every_file() -> None:
    folder = Path(rnnzoo.cells.__file__).parent
    files = {path.stem for path in folder.glob("[!_]*.py")} - {"base"}
    assert files == set(builtin_cells()) == set(EXAMPLES)
    assert len(files) == 23
    assert files <= set(CellConfig.names())
    for name, examples in EXAMPLES.items():
        assert examples, f"{name} has no EXAMPLES"
        assert {type(example) for example in examples} == {CellConfig.find(name)}
        assert examples[0] == CellConfig.find(name)()  # as a recipe gets it that gives the name alone
    assert len(CELLS) == 40


def test_there_are_as_many_laws_as_there_should_be() -> None:
    assert len(LAWS) == len({law.__name__ for law in LAWS}) == 21
    assert all(law.__doc__ for law in LAWS)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("config", CELLS)
def test_law(config: CellConfig, dtype: torch.dtype, law: Law) -> None:
    check_law(law, case_of(config, dtype))


@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (7, 2)])
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_other_sizes(name: str, input_size: int, hidden_size: int) -> None:
    check_cell(name, input_size=input_size, hidden_size=hidden_size, seed=1, dtypes=[torch.float64])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_in_training_mode(name: str) -> None:
    """Without dropout there is nothing random in training either."""
    check_cell(name, training=True, steps=9, seed=2, dtypes=[torch.float64])
