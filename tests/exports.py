"""`rnnzoo export` in the tests' own process, and each export once for all processes of pytest-xdist."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import jaxtyping
import pytest
import torch
from made_once import made_once
from small_translator import small_translator

from rnnzoo.cli import main
from rnnzoo.models import LanguageModel, LanguageModelConfig, Seq2Seq
from rnnzoo.runtime import LanguageModel as Exported
from rnnzoo.runtime import Translator
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import save_folder

__all__ = [
    "ALPHABET",
    "Pair",
    "Translators",
    "export",
    "exported_language_model",
    "exported_translator",
    "exporting",
]

ALPHABET = "abcdefgh ,.\n"


class Pair(NamedTuple):
    """A model, and the folder of its export."""

    model: LanguageModel
    folder: Path
    exported: Exported


class Translators(NamedTuple):
    """The same of a translator."""

    model: Seq2Seq
    folder: Path
    exported: Translator


@contextmanager
def exporting() -> Iterator[None]:
    """Inside, models can be exported.

    Functions are as they are outside of tests: what checks shapes cannot be traced, where sizes are symbols. And
    PyTorch's table of operators, which it makes anew for every graph, is made once.
    """
    from torch.onnx._internal.exporter import _registration

    registry = _registration.ONNXRegistry
    disabled = jaxtyping.config.jaxtyping_disable
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "from_torchlib", staticmethod(_once(registry.from_torchlib)))
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            yield
        finally:
            jaxtyping.config.update("jaxtyping_disable", disabled)


@functools.cache
def _once(make: Callable[..., object]) -> Callable[..., object]:
    """`make`, its answers kept from one `exporting` to the next."""
    return functools.cache(make)


def export(*words: object) -> None:
    """``rnnzoo export`` with these words; what it prints is no test's."""
    with exporting(), redirect_stdout(io.StringIO()):
        assert main(["export", *map(str, words)]) == 0


def exported_language_model(factory: pytest.TempPathFactory) -> Path:
    """A folder with ``model``, a GRU under an LSTM, as decided as trained ones, ``out`` and, in 8 bits, ``out.zip``."""
    return made_once(factory, "language-model", _make_language_model)


def exported_translator(factory: pytest.TempPathFactory) -> Path:
    """A folder with ``model``, GRUs in both directions, an LSTM with input feeding, two vocabularies, and ``out``."""
    return made_once(factory, "translator", _make_translator)


def _make_language_model(place: Path) -> None:
    torch.manual_seed(3)
    fields = {"embedding_dim": 8, "backbone": {"cells": ["gru", "lstm"], "hidden_size": 16, "num_layers": 2}}
    model = LanguageModelConfig.from_dict(fields).build(CharTokenizerConfig().build([ALPHABET])).eval()
    with torch.no_grad():
        model.head.weight.mul_(8)
    save_folder(place / "model", model)
    export(place / "model", f"{place}/out/")
    export(place / "model", f"{place}/out.zip", "--int8")


def _make_translator(place: Path) -> None:
    save_folder(place / "model", small_translator(input_feeding=True))
    export(place / "model", f"{place}/out/")
