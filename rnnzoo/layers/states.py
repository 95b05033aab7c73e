"""The state of several layers in nn.LSTM's form, and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rnnzoo import state as states
from rnnzoo.cells import Cell
from rnnzoo.shapes import Tensor
from rnnzoo.state import State

__all__ = ["StateForm"]


class StateForm:
    """How the states of `cells`, each (B, ...), are one state.

    Attributes:
        stacked: whether each tensor is (cells, B, ...); else the state is a tuple of the cells' states.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        ones = [cell.initial_state(1, device=torch.device("meta")) for cell in cells]
        self._like = states.map(lambda leaf: leaf.detach()[:0], ones[0])
        self._shapes = [[tuple(leaf.shape[1:]) for leaf in states.leaves(one)] for one in ones]
        self.stacked = all(shapes == self._shapes[0] for shapes in self._shapes)

    def join(self, of_cells: Sequence[State], batched: bool) -> State:
        """One state of the cells' states, without its batch axis where there is no batch."""
        if not self.stacked:
            return tuple(of_cells) if batched else states.map(lambda leaf: leaf[0], tuple(of_cells))
        whole = states.map(lambda *leaves: torch.stack(leaves), *of_cells)
        if not batched:
            whole = states.map(lambda leaf: leaf[:, 0], whole)
        leaves = states.leaves(whole)
        return leaves[0] if len(leaves) == 1 else whole

    def split(self, whole: State, rows: int, batched: bool) -> list[State]:
        """The cells' states, from one state of all.

        Raises:
            ValueError: it has not as many tensors as it should, or one has another shape.
        """
        leaves = states.leaves(tuple(whole) if isinstance(whole, list) else whole)
        count = len(self._shapes)
        batch = (rows,) if batched else ()
        if self.stacked:
            expected = [(count, *batch, *shape) for shape in self._shapes[0]]
        else:
            expected = [(*batch, *shape) for shapes in self._shapes for shape in shapes]
        found = [tuple(leaf.shape) for leaf in leaves]
        if found != expected:
            raise ValueError(f"the state's tensors are {_listed(found)}: expected {_listed(expected)}")
        if not batched:
            leaves = [leaf.unsqueeze(1 if self.stacked else 0) for leaf in leaves]
        if self.stacked:
            return [self._of([leaf[index] for leaf in leaves]) for index in range(count)]
        each = iter(leaves)
        return [self._of([next(each) for _ in shapes]) for shapes in self._shapes]

    def _of(self, leaves: list[Tensor]) -> State:
        order = iter(leaves)
        return states.map(lambda _: next(order), self._like)


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"
