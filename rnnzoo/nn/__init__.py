"""Layers that are not recurrent: dropouts and initialisation."""

from rnnzoo.nn.dropout import LockedDropout, WeightDropout, drop_weights, dropped_embedding, raw_parameter
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_

__all__ = [
    "LockedDropout",
    "WeightDropout",
    "drop_weights",
    "dropped_embedding",
    "orthogonal_gates_",
    "raw_parameter",
    "xavier_gates_",
]
