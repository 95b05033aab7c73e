"""What a sweep trains: every combination of its fields' values, each looked at before anything is run."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from rnnzoo.errors import UserError
from rnnzoo.tasks.job import Job, job_of
from rnnzoo.tasks.recipe import Recipe, override, read
from rnnzoo.tasks.run_folder import RunFolder
from rnnzoo.tasks.trainer import build_trainer
from rnnzoo.zoo import recipe_name
from rnnzoo.zoo.plugins import plugins_of
from rnnzoo.zoo.recipes import parse_words, split_words

__all__ = ["Point", "Sweep"]

_VECTORS = ("embedding", "src_embedding", "tgt_embedding")  # sections with a file that has a say in the model's size


@dataclass(frozen=True)
class Point:
    """One training of a sweep.

    Attributes:
        words: each field with the words that set it. axes: the fields in which the points differ.
        key: equal for points that compute the same from the same text.
        settings: each field with its value. seed: of weights and data.
        unit: what a token is called. parameters: of the model; None where it begins with vectors of a file.
    """

    words: Mapping[str, Sequence[str]]
    axes: Sequence[str]
    key: str
    settings: Mapping[str, Any]
    seed: int
    unit: str
    parameters: int | None

    def __str__(self) -> str:
        return _said(self.words, self.axes)


@dataclass(frozen=True)
class Sweep:
    """A recipe, and the fields that are set.

    Args:
        recipe: the name of a packaged recipe, or the path of a YAML file.
        fields: dotted names or short forms to the words behind them, as on the command line; a single word with commas
            between values (`rnnzoo.zoo.recipes.split_words`) makes the field an axis of the grid.
        overlays: recipe files merged over it.
        imports: files and packages that each training imports first.
        threads: of each training.
    """

    recipe: str
    fields: Mapping[str, Sequence[str]]
    overlays: Sequence[str] = ()
    imports: Sequence[str] = ()
    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise UserError("--threads must be at least 1")
        if not self.axes:
            raise UserError("a sweep needs a field with several values, such as --lr 3e-3,1e-2")

    @cached_property
    def choices(self) -> dict[str, list[list[str]]]:
        """Each field's values, as words."""
        return {name: split_words(name, words) for name, words in self.fields.items()}

    @property
    def axes(self) -> list[str]:
        """The fields with several values."""
        return [name for name, values in self.choices.items() if len(values) > 1]

    @property
    def fixed(self) -> list[str]:
        """The others."""
        return [name for name, values in self.choices.items() if len(values) == 1]

    @property
    def name(self) -> str:
        """The recipe's, without folder and ending."""
        return recipe_name(self.recipe)

    @property
    def measure(self) -> tuple[str, Literal["min", "max"]]:
        """The validation score that chooses, as metrics.json calls it, and whether the least or the most is best."""
        score, best = job_of(self._plans[0].recipe.name).monitor
        return score.removeprefix("val/"), best

    @cached_property
    def points(self) -> list[Point]:
        """The grid, its last axis moving fastest. Texts are read and models sized, so that what will not do is found.

        Raises:
            UserError: a value does not fit, or two points are the same, or cannot be compared.
        """
        for one, other in itertools.combinations(self._plans, 2):
            if one.recipe == other.recipe:
                raise UserError(f"{one.said} and {other.said} are the same training")
        look, points = _Look(), []
        for plan in self._plans:
            job, parameters = look.at(plan.recipe, plan.said)
            facts = {"recipe": plan.mapping, "plugins": plugins_of(plan.recipe), "corpus": job.data.corpus.sha256}
            key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
            points.append(Point(plan.words, self.axes, key, plan.settings, job.plan.seed, job.unit, parameters))
        return points

    @cached_property
    def _plans(self) -> list[_Plan]:
        base, plans = read(self.recipe, self.overlays), []
        for combination in itertools.product(*self.choices.values()):
            words = dict(zip(self.choices, combination, strict=True))
            settings = {name: parse_words(name, values) for name, values in words.items()}
            mapping = override(base, settings)
            plans.append(_Plan(words, settings, mapping, Recipe.from_mapping(mapping), _said(words, self.axes)))
        return plans

    # ---------------------------------------------------------------------------------------------- commands

    def training(self, point: Point, *more: str) -> list[str]:
        """The words of the command that trains a point, with `more` options."""
        return ["train", *self._source, *more, *_options(point.words)]

    def command(self, *more: str) -> str:
        """The command that makes the sweep, with `more` options."""
        threads = ["--threads", str(self.threads)] if self.threads != 1 else []
        return shlex.join(["rnnzoo", "sweep", *self._source, *_options(self.fields), *threads, *more])

    @property
    def _source(self) -> list[str]:
        return [self.recipe, *self.overlays, *(word for place in self.imports for word in ("--import", place))]


class _Plan(NamedTuple):
    """A point whose text has not been looked at."""

    words: dict[str, list[str]]
    settings: dict[str, Any]
    mapping: dict[str, Any]
    recipe: Recipe
    said: str


def _said(words: Mapping[str, Sequence[str]], axes: Sequence[str]) -> str:
    """What tells a point from others."""
    return ", ".join(f"{name} {words[name][0]}" for name in axes)


def _options(fields: Mapping[str, Sequence[str]]) -> list[str]:
    """Fields as a command line has them."""
    words = []
    for name, values in fields.items():
        if len(values) == 1 and (not values[0] or values[0].startswith("--")):
            words.append(f"--{name}={values[0]}")
        else:
            words += [f"--{name}", *values]
    return words


class _Look:
    """Looks whether recipes will do, without training; each text is read once."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[Job[Any], str]] = {}
        self._ranks: dict[str, int] = {}

    def at(self, plan: Any, said: str) -> tuple[Job[Any], int | None]:
        """The training of a recipe, and how many parameters its model has.

        Raises:
            UserError: it will not do, or its score means something else than those of the recipes before.
        """
        job = self._job(plan, said)
        try:
            job.check_ranks(self._world(plan.trainer))
            if any(getattr(plan, section, None) is not None for section in _VECTORS):
                return job, None
            with torch.device("meta"):
                return job, job.build(_NOWHERE).model.num_parameters
        except (UserError, ValueError) as error:
            raise UserError(f"{said}: {error}") from None

    def _job(self, plan: Any, said: str) -> Job[Any]:
        sections = [plan.data.to_dict(), plan.init_from, str(getattr(plan, "sample", None))]
        key = json.dumps(sections, sort_keys=True)
        if key in self._jobs:
            return self._jobs[key][0].with_plan(plan)
        job: Job[Any] = job_of(plan.name)(plan, _NOWHERE, resume=False)
        first, before = next(iter(self._jobs.values()), (job, said))
        if not job.comparable(job.data, first.data):
            raise UserError(f"{said} cannot be compared with {before}: it is validated on another text or other tokens")
        self._jobs[key] = job, said
        return job

    def _world(self, section: Mapping[str, Any]) -> int:
        """The number of ranks that a section `trainer` makes."""
        key = json.dumps(section, sort_keys=True)
        if key not in self._ranks:
            self._ranks[key] = build_trainer(section, _NOWHERE.path, []).world_size
        return self._ranks[key]


_NOWHERE = RunFolder(Path(os.devnull), "")
