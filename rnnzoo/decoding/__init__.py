"""Search over a step function: ``step(tokens (B,), state, memory) -> (logits (B, V), state)``.

Nothing here knows a model or a tokenizer.
"""

from __future__ import annotations

from rnnzoo.decoding.beam import beam_search
from rnnzoo.decoding.draw import draw_sequences
from rnnzoo.decoding.generate import Position, Step, generate, stop_at
from rnnzoo.decoding.sampling import filter_logits, row_generators, sample
from rnnzoo.runtime.hypothesis import Hypothesis, SearchConfig
from rnnzoo.runtime.sampling import SAMPLING_FIELDS, SamplingConfig, SamplingFields, sampling_of
from rnnzoo.runtime.stop import StopScanner, stop_strings
from rnnzoo.seeds import fresh_seed

__all__ = [
    "SAMPLING_FIELDS",
    "Hypothesis",
    "Position",
    "SamplingConfig",
    "SamplingFields",
    "SearchConfig",
    "Step",
    "StopScanner",
    "beam_search",
    "draw_sequences",
    "filter_logits",
    "fresh_seed",
    "generate",
    "row_generators",
    "sample",
    "sampling_of",
    "stop_at",
    "stop_strings",
]
