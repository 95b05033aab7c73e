"""Tasks: LightningModules around plain models, and training them by recipes."""

from rnnzoo.tasks.base import Task
from rnnzoo.tasks.char_lm import CharLM
from rnnzoo.tasks.language_model import LanguageModelTask
from rnnzoo.tasks.recipe import CharLMRecipe, LanguageModelRecipe, Recipe, TranslatorRecipe, WordLMRecipe
from rnnzoo.tasks.train import train
from rnnzoo.tasks.translator import Translator
from rnnzoo.tasks.word_lm import WordLM

__all__ = [
    "CharLM",
    "CharLMRecipe",
    "LanguageModelRecipe",
    "LanguageModelTask",
    "Recipe",
    "Task",
    "Translator",
    "TranslatorRecipe",
    "WordLM",
    "WordLMRecipe",
    "train",
]
