"""Recurrent networks that you can train, pull and re-measure: language models, translators, classifiers of text.

The public names below, and the subpackages, are imported when first used: ``import rnnzoo`` itself loads
neither torch nor lightning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rnnzoo._moved import install as _find_moved_modules
from rnnzoo.version import __version__

__all__ = [
    "CharLM",
    "Classifier",
    "ClassifierConfig",
    "LabelledData",
    "LanguageModel",
    "LanguageModelConfig",
    "NonFiniteError",
    "PairData",
    "Seq2Seq",
    "Seq2SeqConfig",
    "StackConfig",
    "StreamData",
    "TextClassifier",
    "Translator",
    "UserError",
    "WordLM",
    "__version__",
    "create_model",
    "download",
    "list_models",
    "load",
    "plot_curve",
    "push_to_hub",
    "register_cell",
    "results",
    "rnn",
    "train",
]

_HOME = {
    "CharLM": "rnnzoo.tasks",
    "Classifier": "rnnzoo.models",
    "ClassifierConfig": "rnnzoo.models",
    "LabelledData": "rnnzoo.training",
    "LanguageModel": "rnnzoo.models",
    "LanguageModelConfig": "rnnzoo.models",
    "NonFiniteError": "rnnzoo.training",
    "PairData": "rnnzoo.training",
    "Seq2Seq": "rnnzoo.models",
    "Seq2SeqConfig": "rnnzoo.models",
    "StackConfig": "rnnzoo.backbones",
    "StreamData": "rnnzoo.training",
    "TextClassifier": "rnnzoo.tasks",
    "Translator": "rnnzoo.tasks",
    "UserError": "rnnzoo.errors",
    "WordLM": "rnnzoo.tasks",
    "create_model": "rnnzoo.zoo",
    "download": "rnnzoo.zoo",
    "list_models": "rnnzoo.zoo",
    "load": "rnnzoo.zoo",
    "plot_curve": "rnnzoo.training.history",
    "push_to_hub": "rnnzoo.zoo",
    "register_cell": "rnnzoo.cells",
    "results": "rnnzoo.zoo.results",
    "rnn": "rnnzoo.layers",
    "train": "rnnzoo.tasks",
}
_PACKAGES = {
    *(
        "backbones",
        "cells",
        "data",
        "decoding",
        "embeddings",
        "inference",
        "integrations",
        "layers",
        "metrics",
        "models",
    ),
    *("networks", "nn", "page", "plot", "state", "studies", "tasks", "testing", "text", "training", "zoo"),
}

_find_moved_modules()

if TYPE_CHECKING:
    from rnnzoo.backbones import StackConfig
    from rnnzoo.cells import register_cell
    from rnnzoo.errors import UserError
    from rnnzoo.layers import rnn
    from rnnzoo.models import Classifier, ClassifierConfig, LanguageModel, LanguageModelConfig, Seq2Seq, Seq2SeqConfig
    from rnnzoo.tasks import CharLM, TextClassifier, Translator, WordLM
    from rnnzoo.tasks.training_run import train
    from rnnzoo.training import LabelledData, NonFiniteError, PairData, StreamData
    from rnnzoo.training.history import plot_curve
    from rnnzoo.zoo.create import create_model
    from rnnzoo.zoo.finding import download
    from rnnzoo.zoo.loading import load
    from rnnzoo.zoo.push import push_to_hub
    from rnnzoo.zoo.registry import list_models
    from rnnzoo.zoo.results import results
else:  # hidden from type checkers, which would take any misspelt name for granted

    def __getattr__(name: str) -> object:
        if name in _HOME:
            value = getattr(importlib.import_module(_HOME[name]), name)
        elif name in _PACKAGES:
            value = importlib.import_module(f"rnnzoo.{name}")
        else:
            raise AttributeError(f"module 'rnnzoo' has no attribute {name!r}")
        globals()[name] = value  # found directly from now on
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
