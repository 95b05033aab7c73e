"""The continuous cache: words that were said in a context like this one are likely to be said again.

For the output h_t of the last layer, which predicts x_{t+1},

    p_cache(w | past) ∝ sum over i in the window, x_{i+1} = w, of exp(theta h_t · h_i)
    p(w | past)       = (1 - mix) p_model(w | past) + mix p_cache(w | past)

Grave, Joulin & Usunier 2017, arXiv:1612.04426, equations 3 and 4. Nothing is trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from rnnzoo.config import Config
from rnnzoo.ranges import DropProbability, NonNegative, Size
from rnnzoo.shapes import Bool, Float, Int, Tensor

__all__ = ["CacheConfig", "NeuralCache"]

_MAX_PAIRS = 1 << 21  # similarities held at once: 8 MB in float32, and a few times that beside


@dataclass(frozen=True)
class CacheConfig(Config):
    """A continuous cache.

    Args:
        window: how many of the last tokens it remembers.
        theta: how much it prefers like contexts; 0 counts words, whatever stood before them.
        mix: its part in the mixture with the model, the paper's lambda; 0 leaves the model alone.
    """

    window: Size = 500
    theta: NonNegative = 0.3
    mix: DropProbability = 0.1

    def build(self) -> NeuralCache:
        """An empty cache."""
        return NeuralCache(self)


class NeuralCache:
    """The last outputs of a model, each with the token that followed it.

    Chunks of any length give the same probabilities: within a chunk a mask lets each position look back only.

    Args:
        config: window, theta and mix.
    """

    def __init__(self, config: CacheConfig) -> None:
        self.config = config
        self._keys: Tensor | None = None  # (M, H), M at most the window
        self._values: Tensor | None = None  # (M,)

    @torch.no_grad()
    def mix(
        self, hidden: Float[Tensor, "T H"], targets: Int[Tensor, "T"], nats: Float[Tensor, "T"]
    ) -> Float[Tensor, "T"]:
        """-ln p(target) of the mixture; then remembers the chunk.

        Args:
            hidden: the last layer's outputs. targets: what followed each of them.
            nats: -ln p(target) of the model alone, float32 or float64.
        """
        if self.config.mix == 0:
            return nats
        hidden = hidden.detach().to(nats.dtype)
        keys = hidden if self._keys is None else torch.cat([self._keys, hidden])
        values = targets if self._values is None else torch.cat([self._values, targets])
        before = len(keys) - len(hidden)
        rows = max(1, _MAX_PAIRS // len(keys))
        mixed = nats.clone()
        for start in range(0, len(hidden), rows):
            end = min(start + rows, len(hidden))
            places = torch.arange(before + start, before + end, device=hidden.device)
            # Only what the block can reach, so that a long chunk costs its length times the window.
            low, high = max(0, before + start - self.config.window), before + end
            reach = torch.arange(low, high, device=hidden.device)
            seen = (reach < places[:, None]) & (reach >= places[:, None] - self.config.window)
            score = self.config.theta * (hidden[start:end] @ keys[low:high].T)
            hit = seen & (values[low:high] == targets[start:end, None])
            mixed[start:end] = self._mixture(score, seen, hit, nats[start:end])
        self._keys, self._values = keys[-self.config.window :].clone(), values[-self.config.window :].clone()
        return mixed

    def _mixture(
        self, score: Float[Tensor, "T M"], seen: Bool[Tensor, "T M"], hit: Bool[Tensor, "T M"], nats: Float[Tensor, "T"]
    ) -> Float[Tensor, "T"]:
        """Adds in the logarithm: exp(theta h · h) is beyond a float where h has hundreds of units."""
        everything = score.masked_fill(~seen, -math.inf).logsumexp(-1)
        matching = score.masked_fill(~hit, -math.inf).logsumexp(-1)
        cached = math.log(self.config.mix) + matching - everything
        mixed = -torch.logaddexp(math.log1p(-self.config.mix) - nats, cached)
        return torch.where(seen.any(-1), mixed, nats)  # at a text's first token there is nothing to remember
