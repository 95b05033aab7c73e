"""The folders of `rnnzoo/tasks`, one for each kind of model. They are found, not listed.

A folder has these parts, each a module of this name:

    card      what is said of its models in lists and cards, `CARD`; needs no torch
    kind      what the zoo has to know of its models, `KIND`; needs no lightning
    recipe    its recipes
    module    its LightningModules
    job       its trainings, `JOBS` by task
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Literal

__all__ = ["task_parts"]


@functools.cache
def task_parts(part: Literal["card", "kind", "recipe", "module", "job"]) -> tuple[ModuleType, ...]:
    """This part of every folder, in the order of their names."""
    found = pkgutil.iter_modules([str(Path(__file__).parent / "tasks")])
    return tuple(importlib.import_module(f"rnnzoo.tasks.{folder.name}.{part}") for folder in found if folder.ispkg)
