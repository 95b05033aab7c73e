"""What differs between kinds of models in the zoo; all else there is the same for all."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from torch import nn

from rnnzoo.config import Config
from rnnzoo.data.plain_text import TextForm
from rnnzoo.errors import UserError
from rnnzoo.inference.graphs.trace import Graph
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.text import Tokenizer
from rnnzoo.zoo.layout import TOKENIZER
from rnnzoo.zoo.task_cards import CardParts

__all__ = ["FOREIGN", "Compared", "Kind", "Text", "form_of", "in_double", "own_files", "shared_out", "value_at"]

FOREIGN = "the data section of config.json is not one that rnnzoo wrote"

M = TypeVar("M", bound=nn.Module)
C = TypeVar("C", bound=Config)


class Text(Protocol):
    """What every corpus says of itself."""

    @property
    def name(self) -> str:
        """As the catalogue, the files or the hub have it."""

    @property
    def splits(self) -> Mapping[str, Any]:
        """Its parts, by name."""

    @property
    def sha256(self) -> str:
        """Of all parts."""


@dataclass(frozen=True)
class Compared:
    """A figure that two measurements of a model must agree on.

    Attributes:
        key: its place in the scores of a split, dotted. unit: what it counts. digits: those that are printed.
        tolerance: what it may differ by; its last printed digit.
    """

    key: str
    unit: str
    digits: int
    tolerance: float

    def said(self, value: float) -> str:
        """The value as people read it."""
        return f"{value:.{self.digits}f} {self.unit}"


class Kind(ABC, Generic[M, C]):
    """A kind of model; there is one object of each, `KIND` of the module `kind` in its task's folder.

    Attributes:
        called: with its article, for people. commands: what to use it with.
        own_data: what a recipe without a corpus is for, and how to name that.
        model: the class of its plain models. config: that of their configs.
        tokenizers: the files that tokenizers lie in; the first is always there.
        compared: the figures that a score on record must agree with.
        bundled: `rnnzoo.runtime` and the pages know how to run its models.
        card: its paragraphs of a model card, and its tasks.
    """

    called: ClassVar[str]
    commands: ClassVar[str]
    own_data: ClassVar[str]
    model: type[M]
    config: type[C]
    tokenizers: ClassVar[tuple[str, ...]] = (TOKENIZER,)
    compared: ClassVar[tuple[Compared, ...]]
    bundled: ClassVar[bool] = True
    card: ClassVar[CardParts]

    @property
    def tasks(self) -> Mapping[str, tuple[str, ...]]:
        """Its tasks, see `CardParts`."""
        return self.card.tasks

    def check_bundled(self) -> None:
        """Raises `UserError` where neither `rnnzoo.runtime` nor a page could run such a model."""
        if not self.bundled:
            raise UserError(f"{self.called} goes into no folder and no page: export it as NAME.onnx or NAME.pt2")

    # ------------------------------------------------------------------------------------------ folder

    @abstractmethod
    def task_of(self, model: M) -> str:
        """The task of a model that does not come with one."""

    @abstractmethod
    def tokenizers_of(self, model: M) -> dict[str, Tokenizer]:
        """The model's tokenizers, by the file that each is saved in."""

    @abstractmethod
    def graphs(self, model: M) -> dict[str, Graph]:
        """Every graph that a program without this package needs to run `model`, by name; ``step`` decodes.

        The first has the name of the export, the others their own in it, too.
        """

    @abstractmethod
    def special_tokens(self, model: M) -> dict[str, Any]:
        """The ids that stand around a text, by what they are for; for programs that run an exported model."""

    def first_state(self, model: M) -> State | None:
        """The state before the first token, of one row; None where it comes from an encoder."""
        return None

    def reading(self, model: M, data: Mapping[str, Any]) -> dict[str, Any]:
        """What stands beside a score about how the text was read."""
        return {}

    @abstractmethod
    def build(self, config: C, tokenizers: Mapping[str, Tokenizer]) -> M:
        """The model, with fresh weights.

        Raises:
            ValueError: the config's fields, or the tokenizers, do not fit together.
        """

    @abstractmethod
    def layers(self, config: C) -> int:
        """How many modules of the size of a layer `build` will make: counted before any is made."""

    # ------------------------------------------------------------------------------------------ golden

    @abstractmethod
    def golden(self, model: M) -> dict[str, Tensor]:
        """Inputs from a fixed seed, and what the model makes of them."""

    @abstractmethod
    def golden_pairs(self, model: M, stored: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """What the model makes of the stored inputs, in every way that it has, each beside what is stored.

        Args:
            stored: what `golden` gave; anybody may have written it.

        Raises:
            ValueError: it does not hold what it should.
        """

    # ----------------------------------------------------------------------------------------- samples

    def own_samples(self, model: M, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
        """What samples.txt holds instead of what training wrote, where the corpus must not be quoted; None for that."""
        return None

    # ------------------------------------------------------------------------------------------- score

    @abstractmethod
    def corpus(self, data: Mapping[str, Any], files: Sequence[str] | None = None) -> Text:
        """The text of a config's data section; the section comes from a file that may be anybody's.

        Args:
            data: the section. files: where own text files now are.

        Raises:
            UserError: the text is not there, or the section does not say which it is.
        """

    @abstractmethod
    def shareable(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What of a data section names files, with the folders left out; nothing where none is named."""

    @abstractmethod
    def measure(
        self,
        model: M,
        corpus: Any,
        split: str,
        data: Mapping[str, Any],
        metrics: Mapping[str, Any],
        *,
        beside: bool = False,
    ) -> dict[str, Any]:
        """The scores of one part of the text, as metrics.json has them.

        Args:
            model: it is left as it is. corpus: what `corpus` gave. split: one of its parts.
            data: the config's data section. metrics: what is on record; it says how it was measured.
            beside: the figures that stand beside the score, too.
        """

    @abstractmethod
    def read(self, score: Mapping[str, Any]) -> str:
        """How much was read for a score of `rnnzoo.zoo.score.score_entry`, and how."""

    @abstractmethod
    def told(self, figures: Mapping[str, Any]) -> str:
        """The scores of a part in words."""


def form_of(data: Mapping[str, Any], *, own: bool) -> TextForm:
    """How the bytes of text files become text for a model that is measured on them.

    Args:
        data: the data section of its config.json, which may be anybody's.
        own: it was trained on text files: where the section says nothing of line ends, it is of before one could, and
            they were kept as they are.

    Raises:
        UserError: the section names no such encoding.
    """
    said = {key: data[key] for key in ("encoding", "newlines") if key in data}
    return TextForm.from_dict(({"newlines": "keep"} if own else {}) | said, "config.json: data")


def value_at(figures: Any, key: str) -> float | None:
    """The number at a dotted place; None where there is none."""
    for part in key.split("."):
        figures = figures.get(part) if isinstance(figures, Mapping) else None
    return float(figures) if isinstance(figures, (int, float)) and not isinstance(figures, bool) else None


def shared_out(files: Sequence[str], own: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """`files` in the place of the files in `own`, which are so many and in this order.

    Raises:
        UserError: they are more or fewer.
    """
    if len(files) != sum(map(len, own.values())):
        named = " ".join(name for names in own.values() for name in names)
        raise UserError(f"--text: {named} are needed, in this order")
    rest = iter(files)
    return {key: [next(rest) for _ in names] for key, names in own.items()}


def own_files(data: Mapping[str, Any], table: str | None = None) -> dict[str, list[str]]:
    """The files that a data section names, by its key.

    Args:
        data: the section, which may be anybody's. table: the key of a table, which counts as the one of ``"files"``.

    Raises:
        UserError: it names what is no file.
    """
    found = {key: data.get(key) or [] for key in ("files", "valid_files", "test_files")}
    if table is not None and data.get(table) is not None:
        found["files"] = [data[table]]
    for names in found.values():
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise UserError(FOREIGN)
    return {key: list(names) for key, names in found.items()}


def in_double(model: M) -> M:
    """A copy in float64."""
    return copy.deepcopy(model).double()
