"""Beam search over an exported step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .beam import Rows, search_beams
from .graph import Array, Named, gather
from .hypothesis import Hypothesis, SearchConfig
from .session import Session
from .stop import StopScanner, stop_strings

__all__ = ["best_texts", "search"]

Step = Callable[[Array, Named, Named], tuple[Array, dict[str, Array]]]
"""(tokens (R,), state, memory) -> (logits (R, V), new state)."""


def search(
    step: Step,
    start: NDArray[np.int64],
    state: Named,
    memory: Named,
    *,
    unwritten: Array,
    eos: int | None,
    config: SearchConfig,
    max_lens: int | Sequence[int],
    prefix: Sequence[Sequence[int]] | None = None,
) -> list[list[Hypothesis]]:
    """The n best continuations of each row; arguments as for `rnnzoo.runtime.beam.search_beams`.

    Args:
        unwritten: tokens that never come.
    """

    def go_on(rows: Rows) -> tuple[NDArray[Any], NDArray[np.int64]]:
        nonlocal state, memory
        if rows.kept is not None:
            state = gather(state, rows.kept)
            if rows.moved:
                memory = gather(memory, rows.kept)
        logits, state = step(rows.tokens, state, memory)
        logits[:, unwritten] = -np.inf
        logits -= logits.max(1, keepdims=True)
        log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return _best(_allowed(log_probs, rows, config, eos), config.beam)

    return search_beams(go_on, start, eos=eos, config=config, max_lens=max_lens, prefix=prefix)


def _allowed(log_probs: Array, rows: Rows, config: SearchConfig, eos: int | None) -> Array:
    """-inf at what may not come: an early end, a repeated sequence, anything but a forced token."""
    length, free = rows.history.shape[1], log_probs
    if eos is not None and length < config.min_len:
        free = free.copy()
        free[:, eos] = -np.inf
    if (size := config.no_repeat_ngram) and length >= size:
        free = free.copy()
        for row, history in enumerate(rows.history.tolist()):
            latest = history[length - size + 1 :]
            for at in range(length - size + 1):
                if history[at : at + size - 1] == latest:
                    free[row, history[at + size - 1]] = -np.inf
    if rows.forced is not None:
        only = np.full_like(log_probs, -np.inf)
        told = np.flatnonzero(rows.forced >= 0)
        only[told, rows.forced[told]] = log_probs[told, rows.forced[told]]
        free = np.where(rows.forced[:, None] >= 0, only, free)
    return free


def _best(values: Array, beam: int) -> tuple[Array, NDArray[np.int64]]:
    """The largest few of each row, the largest first, and where they are; of equal ones the first."""
    count = min(beam, values.shape[1])
    if count < values.shape[1]:
        near = np.sort(np.argpartition(-values, count - 1, axis=1)[:, :count], axis=1)
    else:
        near = np.broadcast_to(np.arange(count), values.shape)
    top = np.take_along_axis(values, near, 1)
    order = np.argsort(-top, axis=1, kind="stable")
    return np.take_along_axis(top, order, 1), np.take_along_axis(near, order, 1)


def best_texts(
    session: Session,
    max_new_tokens: int,
    beam: int,
    num: int,
    stop: str | Sequence[str] | None,
) -> list[str]:
    """The `num` most probable continuations of a session of one row that a beam finds; the session stays where it is.

    Raises:
        UserError: a value is out of range, or `stop` is not one token.
    """
    config, strings, model = SearchConfig(beam, num), stop_strings(stop), session.model
    if max_new_tokens < 0:
        raise UserError(f"max_new_tokens must be 0 or more, not {max_new_tokens}")
    ids = [model.tokenizer.encode(string).tolist() for string in strings]
    if len(ids) > 1 or (ids and len(ids[0]) != 1):
        raise UserError("a beam search ends its texts at one token: stop must be a single one of the model's tokens")
    if max_new_tokens == 0:
        return [""]
    (found,) = search(
        lambda tokens, state, memory: model.step(tokens, state),
        np.array(session._tokens),
        session._state,
        {},
        unwritten=model.unwritten,
        eos=ids[0][0] if ids else None,
        config=config,
        max_lens=max_new_tokens,
    )
    texts = []
    for hypothesis in found:
        decoder, scanner = session._decoder(0), StopScanner(strings)
        pieces = [scanner.feed(decoder.feed(token)) for token in hypothesis.tokens]
        texts.append("".join(pieces) + scanner.feed(decoder.flush()) + scanner.flush())
    return texts
