"""Stacks of cells, and bidirectional encoders."""

from rnnzoo.backbones.bidirectional import BidirectionalStack, BidirectionalStackConfig
from rnnzoo.backbones.stack import Stack, StackConfig

__all__ = ["BidirectionalStack", "BidirectionalStackConfig", "Stack", "StackConfig"]
