"""Tasks: LightningModules around plain models, and training them by recipes."""

from rnnzoo.tasks.char_lm import CharLM
from rnnzoo.tasks.language_model import LanguageModelTask
from rnnzoo.tasks.recipe import CharLMRecipe, LanguageModelRecipe, Recipe, WordLMRecipe
from rnnzoo.tasks.train import train
from rnnzoo.tasks.word_lm import WordLM

__all__ = [
    "CharLM",
    "CharLMRecipe",
    "LanguageModelRecipe",
    "LanguageModelTask",
    "Recipe",
    "WordLM",
    "WordLMRecipe",
    "train",
]
