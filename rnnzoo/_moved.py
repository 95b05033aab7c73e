"""Modules of version 0.1.0 that have moved: their old names still import, with a `DeprecationWarning`."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["MOVED", "install"]

_INFERENCE, _STUDIES = "rnnzoo.inference", "rnnzoo.studies"
MOVED: dict[str, tuple[str, ...]] = {
    "rnnzoo.models.adapt": (f"{_INFERENCE}.scoring.adaptation",),
    "rnnzoo.models.attention_picture": (f"{_INFERENCE}.translation.attention_picture",),
    "rnnzoo.models.bridge": ("rnnzoo.networks.bridge",),
    "rnnzoo.models.budget": (f"{_STUDIES}.comparison.budget",),
    "rnnzoo.models.dynamic": (f"{_INFERENCE}.scoring.dynamic",),
    "rnnzoo.models.evaluating": (f"{_INFERENCE}.translation.evaluation",),
    "rnnzoo.models.graphs": (f"{_INFERENCE}.graphs.trace",),
    "rnnzoo.models.neural_cache": (f"{_INFERENCE}.scoring.neural_cache",),
    "rnnzoo.models.next_tokens": (f"{_INFERENCE}.generation.next_tokens",),
    "rnnzoo.models.onnx_graphs": (f"{_INFERENCE}.graphs.onnx",),
    "rnnzoo.models.pairs": (f"{_INFERENCE}.scoring.sentence_pairs",),
    "rnnzoo.models.plans": (f"{_INFERENCE}.plans",),
    "rnnzoo.models.reading": (
        *(f"{_INFERENCE}.eval_mode", f"{_INFERENCE}.generation.prime"),
        *("rnnzoo.text.reading", "rnnzoo.decoding.without"),
    ),
    "rnnzoo.models.scoring": (f"{_INFERENCE}.scoring.text",),
    "rnnzoo.models.searching": (f"{_INFERENCE}.generation.search",),
    "rnnzoo.models.sentences": (f"{_INFERENCE}.translation.sentences",),
    "rnnzoo.models.session": (f"{_INFERENCE}.generation.session", f"{_INFERENCE}.generation.generate"),
    "rnnzoo.models.session_file": (f"{_INFERENCE}.generation.session_file",),
    "rnnzoo.models.surprisal": (f"{_INFERENCE}.scoring.surprisal", f"{_INFERENCE}.eval_mode"),
    "rnnzoo.models.translating": (f"{_INFERENCE}.translation.translate",),
    "rnnzoo.tasks.comparison": (f"{_STUDIES}.comparison",),
    "rnnzoo.tasks.jobs": ("rnnzoo.tasks.job", "rnnzoo.tasks.language_model.job", "rnnzoo.tasks.translator.job"),
    "rnnzoo.tasks.pages": (f"{_STUDIES}.pages",),
    "rnnzoo.tasks.processes": (f"{_STUDIES}.processes",),
    "rnnzoo.tasks.sweep": (f"{_STUDIES}.sweep",),
}
"""Where the names of an old module are now, the first place that has them first."""


class _Finder(MetaPathFinder):
    """Asked last, so for modules only that are not there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, _Loader()) if fullname in MOVED else None


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Moved(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        places = " and ".join(MOVED[module.__name__])
        warnings.warn(f"{module.__name__} has moved to {places}", DeprecationWarning, stacklevel=2)


class _Moved(ModuleType):
    def __getattr__(self, name: str) -> object:
        for place in () if name.startswith("__") else MOVED[self.__name__]:
            module = importlib.import_module(place)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def install() -> None:
    """Lets Python find the old modules."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
