"""Tasks: LightningModules around plain models, and training them by recipes. A folder for each kind of model.

The names are imported when they are first used: the zoo asks a task's folder for its kind of model without lightning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnzoo.lazy import lazily

__all__ = [
    "CharLM",
    "CharLMRecipe",
    "ClassifierRecipe",
    "LanguageModelRecipe",
    "LanguageModelTask",
    "Recipe",
    "Task",
    "TextClassifier",
    "Translator",
    "TranslatorRecipe",
    "WordLM",
    "WordLMRecipe",
    "train",
]

_HOME = {
    "Recipe": "recipe",
    "Task": "base",
    "train": "training_run",  # not a module `train`: whoever imported that would get it instead of the function
    **dict.fromkeys(("CharLM", "LanguageModelTask", "WordLM"), "language_model.module"),
    **dict.fromkeys(("CharLMRecipe", "LanguageModelRecipe", "WordLMRecipe"), "language_model.recipe"),
    "ClassifierRecipe": "classifier.recipe",
    "TextClassifier": "classifier.module",
    "Translator": "translator.module",
    "TranslatorRecipe": "translator.recipe",
}

if TYPE_CHECKING:
    from rnnzoo.tasks.base import Task
    from rnnzoo.tasks.classifier.module import TextClassifier
    from rnnzoo.tasks.classifier.recipe import ClassifierRecipe
    from rnnzoo.tasks.language_model.module import CharLM, LanguageModelTask, WordLM
    from rnnzoo.tasks.language_model.recipe import CharLMRecipe, LanguageModelRecipe, WordLMRecipe
    from rnnzoo.tasks.recipe import Recipe
    from rnnzoo.tasks.training_run import train
    from rnnzoo.tasks.translator.module import Translator
    from rnnzoo.tasks.translator.recipe import TranslatorRecipe
else:
    __getattr__ = lazily(__name__, _HOME)
