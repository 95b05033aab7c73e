"""Layers that are not recurrent: dropouts, output layers, initialisation."""

from rnnzoo.nn.dropout import LockedDropout, WeightDropout, drop_weights, dropped_embedding, raw_parameter
from rnnzoo.nn.head import IGNORED, AdaptiveHead, LinearHead
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_

__all__ = [
    "IGNORED",
    "AdaptiveHead",
    "LinearHead",
    "LockedDropout",
    "WeightDropout",
    "drop_weights",
    "dropped_embedding",
    "orthogonal_gates_",
    "raw_parameter",
    "xavier_gates_",
]
