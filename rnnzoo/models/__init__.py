"""Plain models: what a trained recurrent network is without a trainer."""

from rnnzoo.models.language_model import IGNORED, LanguageModel, LanguageModelConfig
from rnnzoo.models.seq2seq import Seq2Seq, Seq2SeqConfig

__all__ = ["IGNORED", "LanguageModel", "LanguageModelConfig", "Seq2Seq", "Seq2SeqConfig"]
