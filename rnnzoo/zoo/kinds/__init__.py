"""The kinds of model that the zoo holds, and which of them a model is."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.zoo.kinds.base import TOKENIZER, CardParts, Compared, Kind, Text, value_at
from rnnzoo.zoo.kinds.language_model import LanguageModels
from rnnzoo.zoo.kinds.translator import Translators

__all__ = [
    "KINDS",
    "TASKS",
    "TOKENIZER",
    "TOKENIZERS",
    "CardParts",
    "Compared",
    "Kind",
    "Model",
    "Text",
    "kind_of",
    "kind_of_task",
    "require",
    "value_at",
]

Model = LanguageModel | Seq2Seq
"""Any plain model of the zoo."""

M = TypeVar("M", bound=nn.Module)

KINDS: tuple[Kind[Any, Any], ...] = (LanguageModels(), Translators())

TASKS: tuple[str, ...] = tuple(task for kind in KINDS for task in kind.tasks)
"""What ``config.json`` may have as ``task``."""

TOKENIZERS: tuple[str, ...] = tuple(dict.fromkeys(name for kind in KINDS for name in kind.tokenizers))
"""All files that tokenizers may lie in."""


def kind_of(model: nn.Module) -> Kind[Any, Any]:
    """The kind of a plain model."""
    for kind in KINDS:
        if isinstance(model, kind.model):
            return kind
    raise TypeError(f"{type(model).__name__} is no model of the zoo")


def kind_of_task(task: str) -> Kind[Any, Any]:
    """The kind of the models of a task; `task` is one of `TASKS`."""
    return next(kind for kind in KINDS if task in kind.tasks)


def require(model: nn.Module, wanted: type[M], name: str = "this model") -> M:
    """`model`, if it is one of those; what takes it instead, if not.

    Args:
        model: a plain model. wanted: the class that is needed. name: what the user called it.

    Raises:
        UserError: it is of another kind.
    """
    if isinstance(model, wanted):
        return model
    kind = kind_of(model)
    needed = next((other.called for other in KINDS if issubclass(other.model, wanted)), wanted.__name__)
    raise UserError(f"{name} is {kind.called}, and this takes {needed}: it goes with {kind.commands}")
