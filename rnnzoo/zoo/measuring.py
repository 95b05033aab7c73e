"""Scores of plain models, measured again from the data."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch

from rnnzoo import state as states
from rnnzoo.data.streams import StreamLoader, TokenStreams
from rnnzoo.errors import UserError
from rnnzoo.metrics import Totals
from rnnzoo.models import LanguageModel

__all__ = ["chunks", "cold_windows", "measure"]

_MAX_LOGITS = 1 << 24  # held at once: 64 MB in float32


@torch.no_grad()
def measure(
    model: LanguageModel, ids: npt.NDArray[Any], eval_streams: int = 1, *, chunk_tokens: int = 8192, what: str = "text"
) -> Totals:
    """The model's score of a text that is read as `eval_streams` parallel streams, each with a carried state.

    Args:
        model: used in evaluation mode, on its own device.
        ids: the text (N,); all tokens but the first are predicted.
        eval_streams: part of what the score means: each stream begins without a past.
        chunk_tokens: tokens in one forward; changes nothing but memory. what: names the text in errors.

    Raises:
        UserError: fewer than two tokens.
    """
    loader = chunks(model, ids, eval_streams, chunk_tokens=chunk_tokens, what=what)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    nats = torch.zeros((), dtype=torch.float64, device=device)
    tokens, state = 0, None
    for chunk in loader:
        sums, state = model.nll(chunk.tokens.to(device), chunk.targets.to(device), state)
        state = states.detach(state)
        nats, tokens = nats + sums.double(), tokens + chunk.num_targets
    model.train(training)
    return Totals(float(nats), tokens)


def chunks(
    model: LanguageModel, ids: npt.NDArray[Any], eval_streams: int, *, chunk_tokens: int = 8192, what: str
) -> StreamLoader:
    """The text in pieces that `model` reads one after the other; the arguments are those of `measure`."""
    if len(ids) < 2:
        raise UserError(f"{what}: has {len(ids)} tokens; a score needs 2")
    chunk_tokens = min(chunk_tokens, max(_MAX_LOGITS // model.vocab_size, 1))
    streams = TokenStreams(ids, min(eval_streams, len(ids) - 1), what)
    return StreamLoader(streams, max(chunk_tokens // len(streams.sizes), 1), evaluation=True)


def cold_windows(model: LanguageModel, ids: npt.NDArray[Any], length: int = 256) -> Totals:
    """The score of windows of about `length` tokens that each start without a past, as nanoGPT's figures do.

    The windows lie side by side and cover the text once; nanoGPT draws them at random places.
    """
    return measure(model, ids, max((len(ids) - 1) // length, 1), chunk_tokens=1 << 14)
