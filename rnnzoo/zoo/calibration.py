"""How sure of itself a trained language model should be: one number, fitted on text that it has not learned.

A model that has read a small text often is surer of its next token than it is right. Dividing its logits by a number
above 1 mends that, and changes nothing about which token is the likeliest: temperature scaling (Guo et al. 2017,
arXiv:1706.04599).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.models import LanguageModel
from rnnzoo.nn import IGNORED, LinearHead
from rnnzoo.zoo.measuring import chunks

__all__ = ["Calibration", "calibrate"]

_FACTORS = torch.linspace(0.4, 1.6, 25, dtype=torch.float64)
"""What the logits are multiplied by on trial; between them the nll is as good as a polynomial."""


_PIECES = 16
"""Of the text, at least, so that it can be halved between two of them."""


class Calibration(NamedTuple):
    """What was fitted.

    Attributes:
        temperature: what the model's logits are to be divided by, in place of what they are divided by now.
        nll: nats per token of the text it was fitted on, with it. before: without it.
        crossed: the same of each half of that text with the temperature fitted on the other half, so that no token's
            score knows anything of the token; None where the text is too short to be halved.
    """

    temperature: float
    nll: float
    before: float
    crossed: float | None


@torch.no_grad()
def calibrate(model: LanguageModel, ids: npt.NDArray[Any], eval_streams: int = 1, *, what: str = "text") -> Calibration:
    """The temperature at which `model` predicts a text best; the model is left as it is.

    Args:
        model: used without dropout, on its own device. ids, eval_streams, what: as for `measure`.

    Raises:
        UserError: the model's output layer is an adaptive softmax, or there are fewer than two tokens.
    """
    if not isinstance(model.head, LinearHead):
        raise UserError("calibrate: an adaptive softmax has no logits that a temperature could divide")
    device = next(model.parameters()).device
    factors = _FACTORS.to(torch.float32).tolist()
    sums, counts, state = [], [], None
    with evaluating(model):
        pieces = min(8192, max(len(ids) // _PIECES, 1))
        for chunk in chunks(model, ids, eval_streams, chunk_tokens=pieces, what=what):
            hidden, state = model.hidden(chunk.tokens.to(device), state)
            state = states.detach(state)
            logits, targets = model.head(hidden).flatten(0, 1).float(), chunk.targets.to(device).flatten()
            nats = [F.cross_entropy(logits * f, targets, ignore_index=IGNORED, reduction="sum") for f in factors]
            sums.append(torch.stack(nats).double().cpu())
            counts.append(chunk.num_targets)
    table, tokens = torch.stack(sums).numpy(), np.array(counts)
    whole, crossed, total = _Curve(table.sum(0)), None, int(tokens.sum())
    if len(tokens) > 1:
        middle = min(int(np.searchsorted(tokens.cumsum(), tokens.sum() / 2)) + 1, len(tokens) - 1)
        first, second = _Curve(table[:middle].sum(0)), _Curve(table[middle:].sum(0))
        crossed = (first.at(second.best) + second.at(first.best)) / total
    return Calibration(
        temperature=round(model.head.temperature / whole.best, 3),
        nll=whole.at(whole.best) / total,
        before=whole.at(1.0) / total,
        crossed=crossed,
    )


class _Curve:
    """The nll over the factors, and between them a polynomial through the five nearest.

    Attributes:
        best: the factor with the least.
    """

    def __init__(self, nats: npt.NDArray[np.float64]) -> None:
        self._nats, self._factors = nats, _FACTORS.numpy()
        least = self._factors[nats.argmin()]
        step = self._factors[1] - self._factors[0]
        tried = np.clip(np.linspace(least - step, least + step, 401), self._factors[0], self._factors[-1])
        self.best = float(tried[np.polyval(self._polynomial(least), tried).argmin()])

    def at(self, factor: float) -> float:
        """The nll there."""
        return float(np.polyval(self._polynomial(factor), factor))

    def _polynomial(self, near: float) -> npt.NDArray[np.float64]:
        first = min(max(int(abs(self._factors - near).argmin()) - 2, 0), len(self._factors) - 5)
        found: npt.NDArray[np.float64] = np.polyfit(self._factors[first : first + 5], self._nats[first : first + 5], 4)
        return found
