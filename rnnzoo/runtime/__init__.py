"""Exported models without PyTorch: NumPy, ONNX Runtime and, for pieces of words, tokenizers.

::

    model = Model.open("OUT")                       # what `rnnzoo export MODEL OUT/` wrote, or OUT.zip
    model.generate("ROMEO:", max_new_tokens=200, seed=1)
    model.translate("A man is riding a bicycle.")   # of a translator

The distribution ``rnnzoo-runtime`` is this package with what it imports, under the name ``rnnzoo_runtime``; so all
imports here are relative, and nothing but `rnnzoo.text`, `rnnzoo.config`, `rnnzoo.files` and `rnnzoo.errors` is used.
"""

from __future__ import annotations

from ..errors import UserError
from .bundle import Bundle
from .language_model import LanguageModel, Score
from .model import Model
from .pool import Pool
from .session import Session, generate_together
from .translator import Translation, Translator

__all__ = [
    "Bundle",
    "LanguageModel",
    "Model",
    "Pool",
    "Score",
    "Session",
    "Translation",
    "Translator",
    "UserError",
    "generate_together",
]
