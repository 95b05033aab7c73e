"""Tasks: LightningModules around plain models, and training them by recipes."""

from rnnzoo.tasks.char_lm import CharLM
from rnnzoo.tasks.language_model import LanguageModelTask
from rnnzoo.tasks.recipe import CharLMRecipe, Recipe
from rnnzoo.tasks.train import train

__all__ = ["CharLM", "CharLMRecipe", "LanguageModelTask", "Recipe", "train"]
