"""A recipe: all that a training run needs to know, as one closed, typed config.

    file -> overlays -> command line -> Recipe -> .build -> modules

The same `Config.from_dict` reads a recipe and a downloaded ``config.json``. Only the section `trainer` is
`lightning.Trainer`'s own and is read by jsonargparse, see `rnnzoo.tasks.trainer`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import yaml

from rnnzoo.cells._offers import installed_allowed
from rnnzoo.config import Config
from rnnzoo.decoding import SearchConfig
from rnnzoo.errors import UserError, nearest
from rnnzoo.models import LanguageModelConfig, Seq2SeqConfig
from rnnzoo.ranges import Count, DropProbability, PositiveCount, Range, Seed
from rnnzoo.tasks.hardware import ScaleConfig
from rnnzoo.training import (
    DropoutConfig,
    OptimizerConfig,
    PairDataConfig,
    PretrainedEmbedding,
    RegularizationConfig,
    SampleConfig,
    ScheduleConfig,
    StreamDataConfig,
    WordDataConfig,
)
from rnnzoo.training.finite import OnNonFinite
from rnnzoo.training.optim import AdamWConfig, OneCycleConfig
from rnnzoo.zoo import read_recipe
from rnnzoo.zoo.recipes import merged

__all__ = [
    "SHORT_FORMS",
    "CharLMRecipe",
    "LanguageModelRecipe",
    "Recipe",
    "TranslatorRecipe",
    "WordLMRecipe",
    "override",
    "plain",
    "read",
    "short_forms",
]

SHORT_FORMS: dict[str, tuple[str, ...]] = {
    "cell": ("model.backbone.cell",),
    "hidden_size": ("model.backbone.hidden_size",),
    "num_layers": ("model.backbone.num_layers",),
    "hidden_dropout": ("model.backbone.hidden_dropout",),
    "embedding_dim": ("model.embedding_dim",),
    "text": ("data.files",),
    "corpus": ("data.corpus",),
    "hub": ("data.hub",),
    "shards": ("data.shards",),
    "text_column": ("data.text_column",),
    "encoding": ("data.encoding",),
    "newlines": ("data.newlines",),
    "streams": ("data.streams",),
    "chunk_len": ("data.chunk_len",),
    "lr": ("optimizer.lr",),
    "epochs": ("trainer.max_epochs",),
}
"""Everyday settings of a language model's recipe, and the fields they stand for."""

_HALVES = ("cell", "hidden_size", "num_layers", "hidden_dropout")

TRANSLATOR_SHORT_FORMS: dict[str, tuple[str, ...]] = {
    **{name: (f"model.encoder.{name}", f"model.decoder.{name}") for name in _HALVES},
    "embedding_dim": ("model.embedding_dim",),
    "attention": ("model.attention",),
    "files": ("data.files",),
    "tsv": ("data.tsv",),
    "corpus": ("data.corpus",),
    "hub": ("data.hub",),
    "src": ("data.src",),
    "tgt": ("data.tgt",),
    "encoding": ("data.encoding",),
    "newlines": ("data.newlines",),
    "batch_tokens": ("data.batch_tokens",),
    "lr": ("optimizer.lr",),
    "epochs": ("trainer.max_epochs",),
}
"""Those of a translator's; a cell or a size goes to both halves."""

SOURCES = ("data.corpus", "data.files", "data.tsv", "data.hub", "data.shards")


def short_forms(task: Any) -> dict[str, tuple[str, ...]]:
    """The short forms of a task's recipe."""
    return TRANSLATOR_SHORT_FORMS if task == "translator" else SHORT_FORMS


class Recipe(Config, family="task"):
    """What every task's recipe has; the forms are told apart by the key ``task``."""

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Recipe:
        """The recipe in a file's mapping.

        Raises:
            UserError: unknown task, section or field, or a value of another type; the nearest name is suggested.
        """
        values = dict(data)
        if "name" in values:  # a family's key elsewhere; a recipe's name is that of its file
            raise UserError(f"name: unknown field{nearest('name', cls.sections(values.get('task')))}")
        if "task" not in values:
            raise UserError(f"task: is missing{nearest('', cls.names())}")
        with installed_allowed():  # a recipe is the user's own word: it may name the cells of installed packages
            return cls.from_dict({"name": values.pop("task"), **values})

    @classmethod
    def sections(cls, task: Any) -> set[str]:
        """What stands at the top of a recipe for `task`; of any recipe where there is no such task."""
        members = [cls.find(task)] if task in cls.names() else [cls.find(name) for name in cls.names()]
        return {"task"} | {f.name for member in members for f in fields(member)}

    def to_mapping(self) -> dict[str, Any]:
        """The inverse of `from_mapping`, every field spelt out."""
        values = self.to_dict()
        return {"task": values.pop("name"), **values}

    def to_yaml(self) -> str:
        """The same as YAML."""
        return yaml.dump(self.to_mapping(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML takes for text but `parse_yaml` for a number (``1e5``, ``0o17``), and odd line ends."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Text, quoted where it begins as a number does or has more than printable characters."""
        style = '"' if data.startswith(tuple("+-.0123456789")) or not data.isprintable() else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


@dataclass(frozen=True)
class LanguageModelRecipe(Recipe):
    """What the recipes of character and word models share.

    Args:
        data: the text, and how it is read.
        model: the network.
        optimizer: how gradients become updates.
        schedule: how the learning rate moves.
        regularization: penalties in training beside the loss.
        sample: what the model says while it trains, and at the end.
        trainer: arguments of `lightning.Trainer`.
        embedding: word vectors from a file, with which the model's table begins.
        init_from: a model to train further instead of a new one: a zoo name or a folder. Its network is taken too,
            and its vocabulary learns the text's new characters.
        dropout: what of that model shall be dropped, where it is not what it was trained with.
        average: validations at the end of training whose weights are averaged (Izmailov et al. 2018, arXiv:1803.05407);
            the average is what the run ends in if it validates better than the best of them all. 0 for none.
        calibrate: in the end, what the model says is divided by the temperature with which it predicts the validation
            part best (Guo et al. 2017, arXiv:1706.04599): it becomes as sure of itself as it is right.
        seed: of weights, dropout and the order of the data.
        checkpoint_every: optimiser steps between two checkpoints.
        on_nonfinite: what is done when a loss or gradient is NaN or infinite: ``stop``, or ``skip`` that step.
    """

    data: StreamDataConfig
    model: LanguageModelConfig = field(default_factory=LanguageModelConfig)
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    schedule: ScheduleConfig = field(default_factory=OneCycleConfig)
    regularization: RegularizationConfig = field(default_factory=RegularizationConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    trainer: dict[str, Any] = field(default_factory=dict)
    embedding: PretrainedEmbedding | None = None
    init_from: str | None = None
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    average: Annotated[int, Range("0 <= x <= 1000")] = 0
    calibrate: bool = False
    seed: Seed = 1
    checkpoint_every: PositiveCount = 50
    on_nonfinite: OnNonFinite = "stop"

    def __post_init__(self) -> None:
        if self.embedding is not None and self.init_from is not None:
            raise ValueError("embedding and init_from exclude each other: a trained model has its table")
        if self.calibrate and self.model.adaptive_cutoffs:
            raise ValueError("calibrate: an adaptive softmax has no logits that a temperature could divide")
        _check_dropout(self.dropout, self.init_from)


@dataclass(frozen=True)
class CharLMRecipe(LanguageModelRecipe, name="char_lm"):
    """Trains a character or byte language model; the fields are those of `LanguageModelRecipe`."""


@dataclass(frozen=True)
class WordLMRecipe(LanguageModelRecipe, name="word_lm"):
    """Trains a word language model; the fields are those of `LanguageModelRecipe`."""

    data: WordDataConfig


@dataclass(frozen=True)
class TranslatorRecipe(Recipe, name="translator"):
    """Trains an encoder-decoder on pairs of sentences.

    Args:
        data: the pairs, and how they are read.
        model: the network.
        optimizer: how gradients become updates.
        schedule: how the learning rate moves.
        label_smoothing: share of a target's probability that is spread over the vocabulary.
        search: how the trained model translates when it is measured.
        patience: validations without a better BLEU after which training ends; 0 for never.
        shown: translations that each validation shows.
        trainer: arguments of `lightning.Trainer`.
        src_embedding: word vectors from a file, with which the source's table begins. tgt_embedding: the target's.
        average: validations at the end of training whose weights are averaged (Vaswani et al. 2017); the average is
            what the run ends in if it validates better than the best of them all. 0 for none.
        init_from: a translator to train further instead of a new one: a zoo name or a folder. Its network and its
            vocabularies are taken.
        dropout: what of that model shall be dropped, where it is not what it was trained with.
        seed: of weights, dropout and the order of the data.
        checkpoint_every: optimiser steps between two checkpoints.
        on_nonfinite: what is done when a loss or gradient is NaN or infinite: ``stop``, or ``skip`` that step.
    """

    data: PairDataConfig
    model: Seq2SeqConfig = field(default_factory=Seq2SeqConfig)
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    schedule: ScheduleConfig = field(default_factory=OneCycleConfig)
    label_smoothing: DropProbability = 0.1
    search: SearchConfig = field(default_factory=SearchConfig)
    patience: Count = 0
    shown: Annotated[int, Range("0 <= x <= 1000")] = 2
    trainer: dict[str, Any] = field(default_factory=dict)
    src_embedding: PretrainedEmbedding | None = None
    tgt_embedding: PretrainedEmbedding | None = None
    average: Annotated[int, Range("0 <= x <= 1000")] = 0
    init_from: str | None = None
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    seed: Seed = 1
    checkpoint_every: PositiveCount = 100
    on_nonfinite: OnNonFinite = "stop"

    def __post_init__(self) -> None:
        vectors = [one for one in (self.src_embedding, self.tgt_embedding) if one is not None]
        if vectors and self.init_from is not None:
            raise ValueError("src_embedding, tgt_embedding and init_from exclude each other: a model has its tables")
        if any(one.project for one in vectors):
            raise ValueError("a translator's tables have embedding_dim numbers a token: project is for language models")
        if len(vectors) == 2 and self.model.shared == "all":
            raise ValueError("shared: all has one table: give src_embedding or tgt_embedding")
        _check_dropout(self.dropout, self.init_from)


def _check_dropout(dropout: DropoutConfig, init_from: str | None) -> None:
    if dropout and init_from is None:
        raise ValueError("dropout is that of a model that is trained further (init_from); a new one's are in model")


def read(recipe: str | os.PathLike[str], overlays: Sequence[str | Path] = ()) -> dict[str, Any]:
    """The mapping of a recipe with hardware overlays merged over it.

    Args:
        recipe: a packaged name or a path. overlays: more files of the same form, which may have a section `scale`
            (`rnnzoo.tasks.hardware.ScaleConfig`).

    Raises:
        UserError: a file is missing or is no recipe.
    """
    data = read_recipe(recipe)
    for overlay in overlays:
        above = read_recipe(overlay)
        scale = ScaleConfig.from_dict(above.pop("scale", None) or {}, "scale")
        data = merged(data, above)
        if scale.batch > 1:
            data = override(data, scale.settings(Recipe.from_mapping(data).to_mapping()))
    return data


def override(data: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's mapping with some fields changed.

    Args:
        data: the mapping.
        settings: dotted names (``"model.backbone.num_layers"``) or short forms (``"num_layers"``) to values.

    Raises:
        UserError: a name without a dot that is neither a short form nor a section.
    """
    result = copy.deepcopy(dict(data))
    known, short = Recipe.sections(data.get("task")), short_forms(data.get("task"))
    for name, value in settings.items():
        for dotted in short.get(name, (name,)):
            if dotted.split(".")[0] not in known:
                raise UserError(f"--{name}: unknown option{nearest(name, known | set(short))}")
            _set(result, name, dotted, plain(value))
    return result


def _set(recipe: dict[str, Any], name: str, dotted: str, value: Any) -> None:
    """Changes one field, called `name` by whoever changes it."""
    if dotted in SOURCES:  # a text given instead of the recipe's own
        section = recipe["data"] = dict(recipe.get("data") or {})
        for other in (*SOURCES, "data.split"):  # how it is cut is the corpus's own matter
            section.pop(other.removeprefix("data."), None)
        if dotted == "data.files" and isinstance(value, str):
            value = [value]
    place, (key, *rest) = recipe, dotted.split(".")
    for part in rest:
        inner = place.get(key) or {}  # a section may be there without anything in it
        if isinstance(inner, str):  # a family's short spelling, `cell: gru`
            inner = {"name": inner}
        if not isinstance(inner, Mapping):
            raise UserError(f"--{name}: {key} has no fields")
        place[key] = dict(inner)
        place, key = place[key], part
    place[key] = value


def plain(value: Any) -> Any:
    """`value` with paths as text, so that it can stand in a file."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
