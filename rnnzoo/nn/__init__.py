"""Layers that are not recurrent: dropouts, zoneout, output layers, scans, initialisation."""

from rnnzoo.nn.attention import Attention, AttentionConfig, Memory
from rnnzoo.nn.conv import CausalConv
from rnnzoo.nn.dropout import LockedDropout, WeightDropout, drop_weights, dropped_embedding, one_mask, raw_parameter
from rnnzoo.nn.head import IGNORED, AdaptiveEmbedding, AdaptiveHead, LinearHead
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.nn.padding import last_step, valid_steps, zero_padding
from rnnzoo.nn.scan import linear_scan
from rnnzoo.nn.zoneout import zone_out

__all__ = [
    "IGNORED",
    "AdaptiveEmbedding",
    "AdaptiveHead",
    "Attention",
    "AttentionConfig",
    "CausalConv",
    "LinearHead",
    "LockedDropout",
    "Memory",
    "WeightDropout",
    "drop_weights",
    "dropped_embedding",
    "last_step",
    "linear_scan",
    "one_mask",
    "orthogonal_gates_",
    "raw_parameter",
    "valid_steps",
    "xavier_gates_",
    "zero_padding",
    "zone_out",
]
