"""Many short rows of tokens scored side by side: of each, the surprisals from some place on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import MAX_LOGITS, at_least_float32, device_of, evaluating
from rnnzoo.inference.generation.prime import prime
from rnnzoo.networks import LanguageNet
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Row", "RowScores", "score_rows"]

_MAX_TOKENS = 4096  # of one batch
_LONGEST = 512  # beyond, a row is read by itself, in chunks


class Row(NamedTuple):
    """Tokens, of which those from `start` on are scored.

    Attributes:
        ids: (T,) what is read from the zero state on. start: 1 or more, since nothing predicts the first.
    """

    ids: npt.NDArray[Any]
    start: int = 1


class RowScores(NamedTuple):
    """What a model makes of the scored tokens of a row.

    Attributes:
        nats: (T - start,) float64, -ln p of each. likeliest: (T - start,) whether no token was likelier.
    """

    nats: npt.NDArray[np.float64]
    likeliest: npt.NDArray[np.bool_]


def score_rows(model: LanguageNet, rows: Sequence[Row]) -> list[RowScores]:
    """Each row's score by itself. Rows of about one length are read side by side, which changes no row's score.

    Args:
        model: any language model; it is used without dropout, and left as it is.
        rows: of any lengths; one that has nothing to score is not read.

    Raises:
        UserError: the model's logits are not numbers.
    """
    found: list[RowScores] = [RowScores(np.empty(0), np.empty(0, np.bool_))] * len(rows)
    order = sorted(
        (index for index, row in enumerate(rows) if len(row.ids) > row.start), key=lambda i: len(rows[i].ids)
    )
    while order:
        longest = len(rows[order[-1]].ids) - 1
        if longest > _LONGEST:
            index = order.pop()
            found[index] = _alone(model, rows[index])
            continue
        count = max(1, min(_MAX_TOKENS, MAX_LOGITS // model.vocab_size) // longest)
        order, batch = order[:-count], order[-count:]
        for index, scores in zip(batch, _together(model, [rows[index] for index in batch]), strict=True):
            found[index] = scores
    return found


def _together(model: LanguageNet, rows: Sequence[Row]) -> list[RowScores]:
    """What is padded stands behind, where it changes nothing, and is not scored."""
    length = max(len(row.ids) for row in rows)
    padded = np.stack([np.pad(row.ids.astype(np.int64), (0, length - len(row.ids)), mode="edge") for row in rows])
    counted = np.zeros(padded.shape, np.bool_)
    for line, row in zip(counted, rows, strict=True):
        line[row.start : len(row.ids)] = True
    tokens, places = torch.from_numpy(padded).to(device_of(model)), torch.from_numpy(counted).to(device_of(model))
    with evaluating(model):
        hidden, _ = model.hidden(tokens[:, :-1])
        nats, likeliest = _scored(model, hidden[places[:, 1:]], tokens[places])
    ends = np.cumsum(counted.sum(1))[:-1]
    return [RowScores(*parts) for parts in zip(np.split(nats, ends), np.split(likeliest, ends), strict=True)]


def _alone(model: LanguageNet, row: Row) -> RowScores:
    """A long row, a chunk at a time."""
    ids = torch.from_numpy(row.ids.astype(np.int64)).to(device_of(model)).unsqueeze(0)
    chunk_len = max(1, min(_LONGEST, MAX_LOGITS // model.vocab_size))
    parts: list[RowScores] = []
    with evaluating(model):
        state: State = prime(model, ids[:, : row.start - 1], model.initial_state(1))
        for begin in range(row.start - 1, ids.size(1) - 1, chunk_len):
            read = ids[:, begin : begin + chunk_len + 1]
            hidden, state = model.hidden(read[:, :-1], state)
            parts.append(RowScores(*_scored(model, hidden[0], read[0, 1:])))
    return RowScores(*(np.concatenate(same) for same in zip(*parts, strict=True)))


def _scored(
    model: LanguageNet, hidden: Float[Tensor, "N D"], targets: Int[Tensor, "N"]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    logits = at_least_float32(model.head(hidden))
    nats = F.cross_entropy(logits, targets, reduction="none")
    if bool(nats.isnan().any()):
        raise UserError("the model's logits are not numbers (NaN): its training diverged or its weights are damaged")
    likeliest = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1) >= logits.amax(-1)
    return nats.double().cpu().numpy(), likeliest.cpu().numpy()
