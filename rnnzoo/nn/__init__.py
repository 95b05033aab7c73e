"""Layers that are not recurrent: dropouts, zoneout and initialisation."""

from rnnzoo.nn.dropout import LockedDropout, WeightDropout, drop_weights, dropped_embedding, raw_parameter
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.nn.zoneout import zone_out

__all__ = [
    "LockedDropout",
    "WeightDropout",
    "drop_weights",
    "dropped_embedding",
    "orthogonal_gates_",
    "raw_parameter",
    "xavier_gates_",
    "zone_out",
]
