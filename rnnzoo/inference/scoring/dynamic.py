"""Dynamic evaluation: the model goes on learning from the text that it is scored on.

The text is cut into segments s_1, s_2, ...; each is predicted first and learned from afterwards. With g the gradient
of the segment's mean nll, W the weights and W_0 the trained ones:

    sgd    W <- W - lr g + decay (W_0 - W)
    rms    W <- W - lr g / (R + epsilon mean(R)) + min(decay R / mean(R), 1) (W_0 - W)

R is the root of the mean square of each weight's gradient over segments of the training text: what used to change
little is held near to where it was, what used to change much comes back faster.

Krause, Kahembwe, Murray & Renals 2018, arXiv:1709.07432, equations 3 and 5 to 7. There epsilon is absolute; here it is
in units of the mean of R, so that one value serves models of any size.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from rnnzoo import state as states
from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.inference.scoring.surprisal import Reader
from rnnzoo.networks import LanguageNet
from rnnzoo.ranges import NonNegative, Positive, PositiveCount, Share
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["DynamicConfig", "DynamicReader", "gradient_statistics"]

_HOPELESS = 1e4  # nats; exp(-10,000) is no prediction
_STRETCH = 25  # segments read in a row, the first of them to come into the text


@dataclass(frozen=True)
class DynamicConfig(Config):
    """How a model learns from the text that it is scored on.

    Args:
        rule: ``"sgd"``, or ``"rms"``, which needs the training text for its statistics.
        lr: step size, on the gradient of a segment's mean nll in nats.
        decay: the share by which the weights go back to the trained ones at each step.
        segment: tokens that are predicted before they are learned from; the score depends on it.
        epsilon: of ``"rms"``, in units of the mean of R.
        statistics: of ``"rms"``: segments of the training text that R is the mean of.
    """

    rule: Literal["sgd", "rms"] = "sgd"
    lr: NonNegative = 0.1
    decay: Share = 0.0
    segment: PositiveCount = 20
    epsilon: Positive = 0.1
    statistics: PositiveCount = 500

    def __post_init__(self) -> None:
        if self.rule not in ("sgd", "rms"):
            raise ValueError(f"the rule of dynamic evaluation is sgd or rms, not {self.rule!r}")


class DynamicReader(Reader):
    """Reads a text with a copy of the model that learns on the way; the model itself is never touched.

    Args:
        model: any language model in float32 or float64; it learns without dropout, frozen weights too.
        config: rule and settings.
        statistics: R of each parameter, from `gradient_statistics`; needed by ``"rms"`` only.

    Raises:
        UserError: the weights are in half precision, where small steps get lost.
        ValueError: ``"rms"`` without statistics.
    """

    def __init__(self, model: LanguageNet, config: DynamicConfig, statistics: Sequence[Tensor] | None = None) -> None:
        self.config, self.device, self.chunk_len = config, device_of(model), config.segment
        self._copy = _trainable_copy(model)
        self._weights: list[Tensor] = list(self._copy.parameters())
        self._trained = [weight.detach() for weight in model.parameters()]
        self._state = self._copy.initial_state(1)
        self._scale: list[Tensor] | None = None
        self._back: list[Tensor] = []
        if config.rule == "rms":
            if statistics is None:
                raise ValueError("rms needs the gradient statistics of the training text")
            total = sum(float(r.sum(dtype=torch.float64)) for r in statistics)
            mean = total / sum(r.numel() for r in statistics) or 1.0  # without any gradient there is no step either
            self._scale = [(r + config.epsilon * mean).reciprocal_() for r in statistics]
            self._back = [(r * (config.decay / mean)).clamp_(max=1) for r in statistics]

    def read(
        self, tokens: Int[Tensor, "T"], targets: Int[Tensor, "T"]
    ) -> tuple[Float[Tensor, "T H"], Float[Tensor, "T"]]:
        """Predicts a segment, then learns from it."""
        hidden, nats, gradients, self._state = _segment(self._copy, self._weights, tokens, targets, self._state)
        if not bool((nats < _HOPELESS).all()):  # NaN is not less either
            raise UserError(f"dynamic evaluation diverged: choose an lr below {self.config.lr:g}")
        self._learn(gradients)
        return hidden, nats

    @torch.no_grad()
    def _learn(self, gradients: list[Tensor]) -> None:
        lr, decay = self.config.lr, self.config.decay
        if self._scale is not None:
            torch._foreach_mul_(gradients, self._scale)
        if decay > 0 and self._back:
            torch._foreach_lerp_(self._weights, self._trained, self._back)
        elif decay > 0:
            torch._foreach_lerp_(self._weights, self._trained, decay)
        torch._foreach_add_(self._weights, gradients, alpha=-lr)


def gradient_statistics(model: LanguageNet, ids: npt.NDArray[Any], config: DynamicConfig) -> list[Tensor]:
    """R: the root of the mean square of each weight's gradient, over segments of the training text.

    The segments lie in stretches spread evenly over the text; each stretch begins with one that is only read, so that
    no gradient is that of a cold start.

    Args:
        model: as for `DynamicReader`. ids: (N,) the training text.
        config: `segment` and `statistics` are used.

    Returns:
        One tensor for each of ``model.parameters()``.

    Raises:
        UserError: the text is too short for two segments.
    """
    length = config.segment
    if len(ids) < 2 * length + 1:
        raise UserError(f"the training text has {len(ids):,} tokens: too few for gradient statistics")
    copied = _trainable_copy(model)
    weights: list[Tensor] = list(copied.parameters())
    squares = [torch.zeros_like(weight) for weight in weights]
    in_stretch = min(_STRETCH, config.statistics + 1, (len(ids) - 1) // length)
    stretches = -(-config.statistics // (in_stretch - 1))
    starts = np.linspace(0, len(ids) - 1 - in_stretch * length, stretches).astype(int).tolist()
    device, done = device_of(copied), 0
    for start in starts:
        state = copied.initial_state(1)
        for index in range(in_stretch):
            begin = start + index * length
            segment = torch.from_numpy(ids[begin : begin + length + 1].astype(np.int64)).to(device)
            _, _, gradients, state = _segment(copied, weights, segment[:-1], segment[1:], state)
            if index > 0 and done < config.statistics:
                torch._foreach_addcmul_(squares, gradients, gradients)
                done += 1
    return [square.div_(done).sqrt_() for square in squares]


def _trainable_copy(model: LanguageNet) -> LanguageNet:
    """The model once more, without dropout, all weights open to learning; the tokenizer is shared."""
    if any(weight.dtype not in (torch.float32, torch.float64) for weight in model.parameters()):
        raise UserError("dynamic evaluation needs a model in float32: small steps get lost in half precision")
    copied = copy.deepcopy(model, {id(model.tokenizer): model.tokenizer})
    return copied.eval().requires_grad_(True)


def _segment(
    model: LanguageNet, weights: list[Tensor], tokens: Tensor, targets: Tensor, state: states.State
) -> tuple[Tensor, Tensor, list[Tensor], states.State]:
    """Outputs (T, H), nats (T,), the gradients of their mean, and the state; all but the gradients detached."""
    # cuDNN has no backward pass in evaluation mode; PyTorch's own kernels do.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        hidden, state = model.hidden(tokens.unsqueeze(0), state)
        nats = F.cross_entropy(model.head(hidden[0]), targets, reduction="none")
        gradients = torch.autograd.grad(nats.mean(), weights, materialize_grads=True)
    return hidden[0].detach(), nats.detach(), list(gradients), states.detach(state)
