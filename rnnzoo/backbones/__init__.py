"""Stacks of cells, and bidirectional encoders."""

from rnnzoo.backbones.bidirectional import BidirectionalStack, BidirectionalStackConfig, reverse
from rnnzoo.backbones.block import Block, BlockConfig
from rnnzoo.backbones.stack import Stack, StackConfig

__all__ = ["BidirectionalStack", "BidirectionalStackConfig", "Block", "BlockConfig", "Stack", "StackConfig", "reverse"]
