"""The kinds of model that the zoo holds, and which of them a model is."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.networks import Network as Model
from rnnzoo.task_folders import task_parts
from rnnzoo.zoo.kinds.base import Compared, Kind, Text, value_at
from rnnzoo.zoo.layout import TOKENIZER, TOKENIZERS
from rnnzoo.zoo.task_cards import CardParts, task_names

__all__ = [
    "TOKENIZER",
    "TOKENIZERS",
    "CardParts",
    "Compared",
    "Kind",
    "Model",
    "Text",
    "kind_of",
    "kind_of_task",
    "kinds",
    "require",
    "task_names",
    "value_at",
]

M = TypeVar("M", bound=nn.Module)


def kinds() -> tuple[Kind[Any, Any], ...]:
    """All kinds, each from the folder of its task."""
    return tuple(part.KIND for part in task_parts("kind"))


def kind_of(model: nn.Module) -> Kind[Any, Any]:
    """The kind of a plain model."""
    for kind in kinds():
        if isinstance(model, kind.model):
            return kind
    raise TypeError(f"{type(model).__name__} is no model of the zoo")


def kind_of_task(task: str) -> Kind[Any, Any]:
    """The kind of the models of a task; `task` is one of `task_names()`."""
    return next(kind for kind in kinds() if task in kind.tasks)


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
    needed = next((other.called for other in kinds() if issubclass(other.model, wanted)), wanted.__name__)
    raise UserError(f"{name} is {kind.called}, and this takes {needed}: it goes with {kind.commands}")
