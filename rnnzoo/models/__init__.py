"""Plain models: what a trained recurrent network is without a trainer."""

from rnnzoo.models.language_model import IGNORED, LanguageModel, LanguageModelConfig

__all__ = ["IGNORED", "LanguageModel", "LanguageModelConfig"]
