"""Any cell under zoneout."""

from __future__ import annotations

from rnnzoo import state as states
from rnnzoo.cells.base import Cell, unroll
from rnnzoo.nn import zone_out
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["zoned_forward", "zoned_step"]


def zoned_step(cell: Cell, x: Float[Tensor, "B D"], state: State, p: float) -> tuple[Float[Tensor, "B H"], State]:
    """`cell.step`, after which units of the tensors `cell.zoneout_fields` keep their value with probability `p`.

    An output that is one of those tensors is zoned out with it.
    """
    y, new = cell.step(x, state)
    if p == 0:
        return y, new
    before, after = states.flatten(state), states.flatten(new)
    for name in cell.zoneout_fields:
        if name in after:
            whole, is_output = after[name], after[name] is y
            after[name] = zone_out(before[name], whole, p, cell.training)
            y = after[name] if is_output else y
    return y, states.unflatten(new, after)


def zoned_forward(
    cell: Cell, x: Float[Tensor, "B T D"], state: State | None, lengths: Int[Tensor, "B"] | None, p: float
) -> tuple[Float[Tensor, "B T H"], State]:
    """`cell.forward` with zoneout: with p > 0 it is unrolled, since no fused forward can stop between steps."""
    if p == 0:
        return cell(x, state, lengths)  # type: ignore[no-any-return]
    return unroll(cell, x, cell.begin(x, state), lengths, lambda x_t, before: zoned_step(cell, x_t, before, p))
