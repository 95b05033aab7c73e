"""How the next token is drawn from logits.

Everything is computed on the CPU in float32 (the cumulative sums in float64), whatever precision and
device the model runs in, so that a tiny temperature or a tiny `top_p` is safe in half precision and the
same logits and seed give the same token on any device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rnnzoo.runtime.sampling import Logits, SamplingConfig, check_numbers, drawn, filtered
from rnnzoo.seeds import fresh_seed

__all__ = ["SamplingConfig", "filter_logits", "row_generators", "sample"]


def filter_logits(logits: Tensor, config: SamplingConfig) -> Tensor:
    """The logits of the distribution that `sample` draws from.

    Args:
        logits: (B, V), any floating-point type.
        config: what to do to them.

    Returns:
        (B, V) float32 on the CPU, largest 0, -inf for tokens that are left out; at least one token is
        kept in each row, and ties are broken towards the smaller id.

    Raises:
        UserError: a row is NaN, +inf, or -inf throughout.
    """
    return torch.from_numpy(filtered(_numpy(logits), config))


def sample(logits: Tensor, config: SamplingConfig, generators: Sequence[torch.Generator | None]) -> Tensor:
    """Draws one token for each row.

    A row takes one number in [0, 1) from its own generator and looks it up in its own cumulative
    distribution, so what a row draws does not depend on the rows beside it. Greedy takes none.

    Args:
        logits: (B, V).
        config: temperature and filters.
        generators: one CPU generator a row (see `row_generators`); None for a row whose token will not
            be used.

    Returns:
        (B,) int64, on the device of `logits`.

    Raises:
        UserError: a row is NaN, +inf, or -inf throughout.
    """
    if len(generators) != logits.size(0):
        raise ValueError(f"{logits.size(0)} rows need as many generators, not {len(generators)}")
    if config.temperature == 0:
        largest, ids = logits.detach().max(-1)
        check_numbers(largest)
        return ids
    levels = [0.0 if g is None else torch.rand((), generator=g, dtype=torch.float64).item() for g in generators]
    return torch.from_numpy(drawn(filtered(_numpy(logits), config), np.array(levels))).to(logits.device)


def row_generators(seed: int | None, num: int) -> list[torch.Generator]:
    """One generator for each of `num` rows, row i seeded with ``seed + i``; None takes a seed at random.

    PyTorch's global generator is neither read nor changed.
    """
    if seed is None:
        seed = fresh_seed()
    return [torch.Generator().manual_seed((seed + row) % 2**63) for row in range(num)]


def _numpy(logits: Tensor) -> Logits:
    """In NumPy: on a row of a few numbers a call of PyTorch's costs more than what it computes."""
    scores: Logits = logits.detach().to("cpu", torch.float32).numpy()
    return scores
