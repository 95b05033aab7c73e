"""The models that people hold: a net, and what it is used for, one call each."""

from rnnzoo.models.classifier import Classifier, ClassifierConfig
from rnnzoo.models.language_model import LanguageModel, LanguageModelConfig
from rnnzoo.models.seq2seq import Seq2Seq, Seq2SeqConfig
from rnnzoo.nn import IGNORED

__all__ = [
    "IGNORED",
    "Classifier",
    "ClassifierConfig",
    "LanguageModel",
    "LanguageModelConfig",
    "Seq2Seq",
    "Seq2SeqConfig",
]
