"""Rows of different lengths in one batch: which steps count, and where a row ends."""

from __future__ import annotations

import torch

from rnnzoo.shapes import Bool, Float, Int, Tensor

__all__ = ["last_step", "valid_steps", "zero_padding"]


def valid_steps(lengths: Int[Tensor, "B"], steps: int, device: torch.device) -> Bool[Tensor, "B T"]:
    """True for each of a row's `steps` that lies before its end."""
    return torch.arange(steps, device=device) < lengths.to(device)[:, None]


def zero_padding(x: Float[Tensor, "B T D"], lengths: Int[Tensor, "B"] | None) -> Float[Tensor, "B T D"]:
    """`x` with zeros past each row's end: a NaN there would pass through any factor of zero."""
    if lengths is None:
        return x
    return torch.where(valid_steps(lengths, x.size(1), x.device)[:, :, None], x, 0)


def last_step(
    all_steps: Float[Tensor, "B T *any"], before: Float[Tensor, "B *any"], lengths: Int[Tensor, "B"] | None
) -> Float[Tensor, "B *any"]:
    """What stood at each row's last valid step, or `before` in a row that has none.

    The result is a copy: a view would keep all steps in memory for as long as a state is carried.
    """
    if all_steps.size(1) == 0:
        return before
    if lengths is None:
        return all_steps[:, -1].clone()
    ends = lengths.to(all_steps.device)
    rows = torch.arange(ends.size(0), device=all_steps.device)
    last = all_steps[rows, (ends - 1).clamp(min=0)]
    return torch.where((ends > 0).view(-1, *[1] * (last.dim() - 1)), last, before)
