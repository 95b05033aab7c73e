"""What is said of models by their task, without loading what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rnnzoo.task_folders import task_parts

__all__ = ["CardParts", "card_of_task", "task_cards", "task_names"]


class CardParts(Protocol):
    """The paragraphs of a model card that are another kind's otherwise; `CARD` of `card` in its task's folder.

    Attributes:
        tasks: each with the keys of the figures that its models are known by, the first that there is.
        tags, pipeline: the hub's. name: of the pipeline, for people. published: keys of figures in the card's header.
        counted: what training counts, such as tokens.
    """

    tasks: Mapping[str, tuple[str, ...]]
    tags: tuple[str, ...]
    pipeline: str
    name: str
    published: tuple[str, ...]
    counted: str

    def languages(self, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
        """The languages of the text, as ISO codes; none where it is not said."""

    def what(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """What the model is, without an article's end: it goes on with the number of parameters."""

    def vocabulary(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """What it is over, after the parameters; may be empty."""

    def usage(self, name: str, samples: str) -> str:
        """How it is used."""

    def samples(self, text: str, stored: str) -> str:
        """What stands in samples.txt, for a card; nothing where there is none to show."""

    def score(self, metrics: Mapping[str, Any], unit: str) -> str:
        """The table of scores and how they were measured."""

    def limits(self) -> str:
        """What it must not be taken for."""


def task_cards() -> tuple[CardParts, ...]:
    """Those of all kinds of model, each from the folder of its task."""
    return tuple(part.CARD for part in task_parts("card"))


def task_names() -> tuple[str, ...]:
    """What ``config.json`` may have as ``task``."""
    return tuple(task for card in task_cards() for task in card.tasks)


def card_of_task(task: str) -> CardParts:
    """What is said of the models of a task; `task` is one of `task_names()`."""
    return next(card for card in task_cards() if task in card.tasks)
