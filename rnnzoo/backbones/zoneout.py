"""Any cell under zoneout."""

from __future__ import annotations

import torch

from rnnzoo import state as states
from rnnzoo.cells.base import Cell
from rnnzoo.nn import zone_out
from rnnzoo.shapes import Float, Tensor
from rnnzoo.state import State

__all__ = ["Zoneout", "zoned"]


class Zoneout(Cell):
    """A cell whose units now and then keep their value from one step to the next (Krueger et al. 2017,
    arXiv:1606.01305); at evaluation they are what that is on average, so it is another network there too.

    It is unrolled: no fused forward can stop between two steps.

    Args:
        cell: the cell; zoneout falls on its `zoneout_fields`, and an output that is one of them is zoned out with it.
        p: probability that a unit keeps its value.
    """

    recurrent_weights = ()  # those of the cell, and there weight dropout is put on

    def __init__(self, cell: Cell, p: float) -> None:
        super().__init__()
        self.input_size, self.output_size = cell.input_size, cell.output_size
        self.cell, self.p = cell, p

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        return self.cell.initial_state(batch_size, device=device, dtype=dtype)

    def step(self, x: Float[Tensor, "B D"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        y, new = self.cell.step(x, state)
        before, after = states.flatten(state), states.flatten(new)
        for name in after.keys() & set(self.cell.zoneout_fields):
            zoned = zone_out(before[name], after[name], self.p, self.training)
            y = zoned if y is after[name] else y
            after[name] = zoned
        return y, states.unflatten(new, after)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def zoned(cell: Cell, p: float) -> Cell:
    """`cell` under zoneout; itself where `p` is 0.

    Raises:
        ValueError: the cell's state has nothing that zoneout falls on.
    """
    if p == 0:
        return cell
    if not states.flatten(cell.initial_state(1)).keys() & set(cell.zoneout_fields):
        raise ValueError(f"zoneout: the state of {type(cell).__name__} has no {' or '.join(cell.zoneout_fields)}")
    return Zoneout(cell, p)
