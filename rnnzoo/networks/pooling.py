"""One vector of all steps of a sequence, at its end or after each step of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import nn

from rnnzoo.nn import last_step, valid_steps, zero_padding
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["Pooled", "Pooling", "PoolingKind", "last_outputs"]

PoolingKind = Literal["last", "mean", "max", "attention"]

_LEAST = -1e30  # below every output; finite, so that it can stand in a JSON file


class Pooled(NamedTuple):
    """What is carried from one step to the next; of what a pooling does not need there are no numbers.

    Attributes:
        steps: (B, 1) those so far. total: (B, H) the sum of all outputs. most: (B, H) the largest of each feature.
        score: (B, 1) the largest attention score. weight: (B, 1) and read: (B, H), the sums of attention's weights and
            of the outputs by them, both in units of exp(score).
    """

    steps: Tensor
    total: Tensor
    most: Tensor
    score: Tensor
    weight: Tensor
    read: Tensor


class Pooling(nn.Module):
    """The outputs of a stack as one vector: several kinds side by side.

    ``last``: the output after the last step, of a stack that reads both ways each direction's own last. ``mean``,
    ``max``: of each feature over the steps. ``attention``: the mean by weights, softmax of v tanh(W h) (Yang et al.
    2016, doi:10.18653/v1/N16-1174). A sequence without a step has the zero vector.

    Args:
        kinds: what stands side by side. size: H, of the outputs. both_ways: their halves are of two directions.

    Attributes:
        output_size: features of the vector.
    """

    def __init__(self, kinds: tuple[PoolingKind, ...], size: int, *, both_ways: bool = False) -> None:
        super().__init__()
        self.kinds, self.size, self.both_ways = kinds, size, both_ways
        self.output_size = size * len(kinds)
        self.attention = (
            nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1, bias=False))
            if "attention" in kinds
            else None
        )

    def forward(self, outputs: Float[Tensor, "B T H"], lengths: Int[Tensor, "B"] | None = None) -> Float[Tensor, "B P"]:
        """The vectors of whole sequences.

        Args:
            outputs: the stack's. lengths: valid steps of each row; all of them when left out.
        """
        rows, steps = outputs.shape[:2]
        if lengths is None:
            lengths = torch.full((rows,), steps, dtype=torch.int64, device=outputs.device)
        outputs, lengths = zero_padding(outputs, lengths), lengths.to(outputs.device)
        some = (lengths > 0)[:, None]
        parts = []
        for kind in self.kinds:
            if kind == "last":
                pooled = last_outputs(outputs, lengths, both_ways=self.both_ways)
            elif kind == "mean":
                pooled = outputs.sum(1) / lengths.clamp(min=1)[:, None]
            else:
                valid = valid_steps(lengths, steps, outputs.device)[:, :, None]
                if kind == "max":
                    pooled = torch.where(valid, outputs, _LEAST).amax(1)
                else:
                    assert self.attention is not None
                    weights = torch.where(valid, self.attention(outputs), _LEAST).softmax(1)
                    pooled = (weights * outputs).sum(1)
            parts.append(torch.where(some, pooled, 0))
        return torch.cat(parts, dim=-1)

    def initial(self, rows: int, like: Tensor) -> Pooled:
        """What is carried before the first step.

        Args:
            rows: B. like: a tensor whose device and dtype it shall have.
        """

        def part(kind: PoolingKind, width: int, value: float = 0.0) -> Tensor:
            return like.new_full((rows, width if kind in self.kinds else 0), value)

        return Pooled(
            part("mean", 1),
            part("mean", self.size),
            part("max", self.size, _LEAST),
            part("attention", 1, _LEAST),
            part("attention", 1),
            part("attention", self.size),
        )

    def step(self, output: Float[Tensor, "B H"], pooled: Pooled) -> tuple[Float[Tensor, "B P"], Pooled]:
        """The vector after one step more, and what is carried on."""
        steps, total, most, score, weight, read = pooled
        parts = []
        for kind in self.kinds:
            if kind == "last":
                parts.append(output)
            elif kind == "mean":
                steps, total = steps + 1, total + output
                parts.append(total / steps)
            elif kind == "max":
                most = torch.maximum(most, output)
                parts.append(most)
            else:
                assert self.attention is not None
                new = self.attention(output)
                higher = torch.maximum(score, new)
                before, now = (score - higher).exp(), (new - higher).exp()
                score, weight, read = higher, weight * before + now, read * before + output * now
                parts.append(read / weight)
        return torch.cat(parts, dim=-1), Pooled(steps, total, most, score, weight, read)


def last_outputs(
    outputs: Float[Tensor, "B T H"], lengths: Int[Tensor, "B"], *, both_ways: bool = False
) -> Float[Tensor, "B H"]:
    """Each direction's output after its last step; that of the backward one stands at the beginning."""
    if not both_ways:
        return last_step(outputs, outputs[:, 0], lengths)
    ahead, back = outputs.chunk(2, dim=-1)
    return torch.cat((last_step(ahead, ahead[:, 0], lengths), back[:, 0]), dim=-1)
