"""What is compared, and which runs that takes.

A cell is tried with each learning rate, from one seed; the rate with the lowest loss is its own, and further seeds run
with that one alone. So all cells have the same tuning, and every run of it is published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rnnzoo.cells import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.studies.comparison.budget import count_parameters, fit_hidden_size
from rnnzoo.tasks.language_model.recipe import LanguageModelRecipe
from rnnzoo.tasks.recipe import Recipe, override
from rnnzoo.text import Tokenizer
from rnnzoo.training import StreamData
from rnnzoo.zoo.plugins import plugins_of

__all__ = ["BEST_KNOWN", "Comparison", "Job"]

BEST_KNOWN = ("rnn", "lstm", "gru", "mingru", "mlstm", "rglru")
"""The cells that run with all seeds unless others are named; the rest run with one."""

OWN = {"cell": "--cells", "hidden_size": "--parameters", "lr": "--lrs", "seed": "--seeds", "epochs": "--tokens"}
"""Settings that the comparison makes itself, and the options for them."""


@dataclass(frozen=True)
class Job:
    """One run, and everything that its figures depend on.

    Attributes:
        cell: its name. lr: the peak learning rate. seed: of weights and data.
        recipe: the recipe's mapping; what it leaves out has its default, so a field that is new changes no old run.
        threads: of the process that runs it.
        plugins: where cells that are not built in come from, with version or sha256.
    """

    cell: str
    lr: float
    seed: int
    recipe: Mapping[str, Any]
    threads: int
    plugins: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        """Equal for jobs that compute the same."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: vars(self)[name] for name in ("cell", "lr", "seed", "recipe", "threads", "plugins")}


@dataclass(frozen=True)
class Comparison:
    """The settings of a comparison.

    Args:
        recipe: the mapping of a recipe; the comparison sets cell, hidden size, learning rate, steps and seed.
        cells: their names; all that there are when left out.
        parameters: of each model, as nearly as its hidden size allows.
        tokens: read in training, the same for all.
        lrs: peak learning rates, each tried with each cell.
        seeds: of the cells in `seeded`; the others have one.
        seeded: names of cells.
        threads: of each run. device: ``"cpu"`` or ``"gpu"``.
    """

    recipe: Mapping[str, Any]
    cells: tuple[str, ...] = field(default_factory=CellConfig.names)
    parameters: int = 300_000
    tokens: int = 1_000_000
    lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    seeds: int = 3
    seeded: tuple[str, ...] = BEST_KNOWN
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not (self.cells and self.lrs) or min(self.parameters, self.tokens, self.seeds, self.threads) < 1:
            raise UserError("a comparison needs cells, learning rates, and positive numbers of everything else")

    @cached_property
    def base(self) -> LanguageModelRecipe:
        """The recipe as it stands, with its own cell."""
        return _plan(self.recipe, {})

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The vocabulary, which is part of the budget."""
        return self.data.tokenizer

    @cached_property
    def data(self) -> StreamData:
        """The text."""
        return StreamData(self.base.data)

    @property
    def steps(self) -> int:
        """Optimiser steps of a run."""
        data = self.base.data
        return max(self.tokens // (data.streams * data.chunk_len), 1)

    def hidden_size(self, cell: str) -> int:
        """The units at which a model with this cell has the budget's number of parameters."""

        def count(size: int) -> int:
            plan = _plan(self.recipe, {"cell": cell, "hidden_size": size})
            return count_parameters(plan.model, self.tokenizer)

        try:
            return fit_hidden_size(count, self.parameters)
        except UserError as error:
            raise UserError(f"{cell}: {error}") from None

    def job(self, cell: str, hidden_size: int, lr: float, seed: int) -> Job:
        """One run."""
        settings = {
            "cell": cell,
            "hidden_size": hidden_size,
            "lr": lr,
            "seed": seed,
            "trainer.max_steps": self.steps,
            "trainer.max_epochs": -1,
            "trainer.accelerator": self.device,
            "trainer.devices": 1,
        }
        plugins = plugins_of(_plan(self.recipe, settings).model)
        return Job(cell, lr, seed, override(self.recipe, settings), self.threads, plugins)

    def more_seeds(self, cell: str) -> range:
        """The seeds after the first with which a cell runs."""
        return range(2, self.seeds + 1 if cell in self.seeded else 2)


def _plan(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> LanguageModelRecipe:
    plan = Recipe.from_mapping(override(recipe, settings))
    if not isinstance(plan, LanguageModelRecipe):
        raise UserError(f"cells are compared as language models, not in the task {plan.name!r}")
    return plan
