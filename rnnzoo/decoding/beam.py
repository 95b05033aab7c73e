"""Beam search over a step function of PyTorch's.

What is computed for every token of the vocabulary stays where the model is. The few best of each row come to the CPU,
once a step, and the rest is done there, in NumPy, by `rnnzoo.runtime.beam`: on so few numbers a call of PyTorch's costs
more than its work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnzoo import state as states
from rnnzoo.decoding.constraints import block_repeats, block_token, force
from rnnzoo.decoding.generate import Step
from rnnzoo.runtime.beam import Rows, search_beams
from rnnzoo.runtime.hypothesis import Hypothesis, SearchConfig
from rnnzoo.state import State

__all__ = ["beam_search"]


_BLOCK = 64
"""Values of a row that are looked at together in the search for the largest."""


@torch.no_grad()
def beam_search(
    step: Step,
    start: Tensor,
    state: State,
    memory: Any = (),
    *,
    eos: int | None,
    config: SearchConfig,
    max_lens: int | Sequence[int] | Tensor,
    prefix: Sequence[Sequence[int]] | None = None,
) -> list[list[Hypothesis]]:
    """The n best continuations that a beam finds in each row.

    A row's result depends on that row alone. Log-probabilities are those of the model in float32, or in the type of
    the logits where that is wider; what is forbidden or forced changes which tokens may come, never what they count.

    Args:
        step: contract 2's function. It gets from 1 to `beam` hypotheses of each row, those of a row one after the
            other, and fewer rows as rows are done.
        start: (N,) int64, the symbol before the first token of each row.
        state: before `start`; N rows.
        memory: handed to `step`, brought to its rows; every leaf has N rows. Empty for language models.
        eos: the end symbol; None where nothing ends before its limit, as in running text.
        config: beam, n-best, length penalty, limits.
        max_lens: at most so many symbols, the end symbol counted; one number, or one for each row.
        prefix: tokens that each row begins with, before all other rules; an empty one leaves the row free.

    Returns:
        For each row its hypotheses, best first, no two alike: finished ones by score, and only where these are fewer
        than `nbest`, ones that were cut. They are fewer where no more exist.

    Raises:
        UserError: a limit is out of range, or the logits are not numbers.
    """
    num, device = start.size(0), start.device
    states.check(state, num)
    states.check(memory, num)

    def go_on(rows: Rows) -> tuple[NDArray[Any], NDArray[np.int64]]:
        nonlocal state, memory
        if rows.kept is not None:
            index = torch.from_numpy(rows.kept).to(device)
            if rows.moved:  # else its rows are right: a sentence's hypotheses share it
                memory = states.gather(memory, index)
            state = states.gather(state, index)
        logits, state = step(torch.from_numpy(rows.tokens).to(device), state, memory)
        now = None if rows.forced is None else torch.from_numpy(rows.forced).to(device)
        top, ids = (found.cpu().numpy() for found in _continuations(logits, rows.history, now, config, eos))
        return top, ids

    limits = max_lens.tolist() if isinstance(max_lens, Tensor) else max_lens
    return search_beams(go_on, start.cpu().numpy(), eos=eos, config=config, max_lens=limits, prefix=prefix)


def _continuations(
    logits: Tensor, history: NDArray[np.int64], forced: Tensor | None, config: SearchConfig, eos: int | None
) -> tuple[Tensor, Tensor]:
    """Log-probabilities and ids (R, C) of the best tokens after each row, -inf where nothing may follow.

    `forced` (R,) are the tokens that have to come now, -1 where any may.

    Normalising before the top-k is the faster order on a CPU: PyTorch's log-softmax takes half of the time of its
    log-sum-exp.
    """
    log_probs = logits.log_softmax(1, dtype=torch.promote_types(logits.dtype, torch.float32))
    length, allowed = history.shape[1], log_probs
    if eos is not None and length < config.min_len:
        allowed = block_token(allowed, eos)
    if config.no_repeat_ngram:
        allowed = block_repeats(allowed, torch.from_numpy(history).to(logits.device), config.no_repeat_ngram)
    if forced is not None:
        allowed = force(log_probs, forced, allowed)
    return _top(allowed, min(config.beam, allowed.size(1)))


def _top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest `count` of each row (R, V), and where they are.

    They lie in the blocks with the `count` largest maxima. Finding a maximum reads the row once, at the speed of
    memory; PyTorch's top-k of the whole row takes three times as long as all of this.
    """
    rows, size = values.shape
    blocks = size // _BLOCK
    if blocks < 2 * count:
        return tuple(values.topk(count))  # type: ignore[return-value]
    whole = blocks * _BLOCK
    first = values[:, :whole].view(rows, blocks, _BLOCK).amax(2).topk(count).indices * _BLOCK
    places = (first.unsqueeze(2) + torch.arange(_BLOCK, device=values.device)).flatten(1)
    if whole < size:
        rest = torch.arange(whole, size, device=values.device).expand(rows, -1)
        places = torch.cat([places, rest], dim=1)
    top, chosen = values.gather(1, places).topk(count)
    return top, places.gather(1, chosen)
