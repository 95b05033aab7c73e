"""The nets: forward, step, nll and states. They know nothing of what is done with them."""

from rnnzoo.networks.base import Network
from rnnzoo.networks.classifier_net import ClassifierNet, ClassifierNetConfig, ClassifierState
from rnnzoo.networks.language_net import LanguageNet, LanguageNetConfig
from rnnzoo.networks.seq2seq_net import DecoderState, Seq2SeqNet, Seq2SeqNetConfig

__all__ = [
    "ClassifierNet",
    "ClassifierNetConfig",
    "ClassifierState",
    "DecoderState",
    "LanguageNet",
    "LanguageNetConfig",
    "Network",
    "Seq2SeqNet",
    "Seq2SeqNetConfig",
]
