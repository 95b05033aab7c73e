"""What a recurrent cell is: a state, and a step that is written once."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any, ClassVar, Self

import torch
from torch import nn

from rnnzoo import state as states
from rnnzoo.cells._offers import offered, resolve_offered
from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Cell", "CellConfig", "builtin_cells", "unroll"]


class Cell(nn.Module, ABC):
    """One layer's recurrence. A stack of cells satisfies the same protocol.

    A subclass sets `input_size` and `output_size` and writes `initial_state` and `step`; `forward` unrolls
    `step` over time. A subclass that overrides `forward` with a faster one is held to `step` by
    `rnnzoo.testing.check_cell`.

    Attributes:
        input_size: D, features of a step's input.
        output_size: H, features of a step's output.
        recurrent_weights: names of the parameters that weight dropout falls on.
        zoneout_fields: names of the state's tensors that zoneout falls on, where there are such.
    """

    input_size: int
    output_size: int
    recurrent_weights: ClassVar[tuple[str, ...]] = ("weight_hh",)
    zoneout_fields: ClassVar[tuple[str, ...]] = ("h", "c")

    @abstractmethod
    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """The state before the first step, of `batch_size` rows; where and what the weights are unless said."""

    @abstractmethod
    def step(self, x: Float[Tensor, "B D"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        """One time step: the output and the new state. The old state is not changed."""

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """A whole sequence.

        Args:
            x: the inputs.
            state: what was carried so far; the initial state when left out.
            lengths: valid steps of each row, 0 to T. Past its end a row's outputs are zero, and its final state
                is the one after its last valid step; whatever stands in the padding has no influence.

        Returns:
            The outputs of all steps, and the final state.

        Raises:
            ValueError: the state has another number of rows than `x`.
        """
        return unroll(self, x, self.begin(x, state), lengths)

    def begin(self, x: Tensor, state: State | None) -> State:
        """`state`, checked against the rows of `x` (B, ...), or the initial state where there is none."""
        if state is None:
            return self.initial_state(x.size(0), device=x.device)
        states.check(state, x.size(0))
        return state

    def zeros(
        self, batch_size: int, size: int, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Float[Tensor, "B H"]:
        """Zeros (B, size) like the cell's weights, for initial states."""
        weight = next(self.parameters())
        return torch.zeros(batch_size, size, device=device or weight.device, dtype=dtype or weight.dtype)


def unroll(
    cell: Cell,
    x: Float[Tensor, "B T D"],
    state: State,
    lengths: Int[Tensor, "B"] | None,
    step: Callable[[Tensor, State], tuple[Tensor, State]] | None = None,
) -> tuple[Float[Tensor, "B T H"], State]:
    """Calls `cell.step`, or `step`, once per time step; `forward` of every cell that has nothing faster."""
    step = step or cell.step
    outputs: list[Tensor] = []
    if lengths is None:
        for x_t in x.unbind(1):  # unbind, since indexing x[:, t] makes the backward pass quadratic in T
            y, state = step(x_t, state)
            outputs.append(y)
    else:
        valid = torch.arange(x.size(1), device=x.device) < lengths.to(x.device)[:, None]
        # Padding is zeroed on the way in: a NaN there would reach the weights' gradients through a zero factor.
        x = torch.where(valid[:, :, None], x, 0)
        for x_t, valid_t in zip(x.unbind(1), valid.unbind(1), strict=True):
            y, new = step(x_t, state)
            state = states.select(valid_t, new, state)
            outputs.append(torch.where(valid_t[:, None], y, 0))
    return (torch.stack(outputs, 1) if outputs else x.new_zeros(x.size(0), 0, cell.output_size)), state


class CellConfig(Config, ABC, family="cell"):
    """A cell's own settings. Its size and its input's come from the stack it is built into.

    The name is that of the cell's file in `rnnzoo.cells`, which is imported when the name is first asked for.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        name = options.get("name")
        if name in builtin_cells() and cls.__module__ != f"rnnzoo.cells.{name}":  # whose file may not be imported yet
            raise ValueError(f"two cells are called {name!r}: rnnzoo.cells.{name} and {cls.__module__}")
        super().__init_subclass__(**options)
        module = sys.modules.get(cls.__module__)
        if module is not None and cls.name == cls.__module__.removeprefix("rnnzoo.cells."):
            module.__class__ = _CellModule  # so that `rnnzoo.cells.lstm(10, 20)` is a layer

    @abstractmethod
    def build(self, input_size: int, hidden_size: int) -> Cell:
        """The cell for inputs of `input_size` features, with `hidden_size` units."""

    @classmethod
    def find(cls, name: str, where: str = "") -> type[Self]:
        """The config of the cell called `name`: a built-in or registered one; in a recipe, also an installed one.

        Raises:
            UserError: there is none; the nearest name is suggested.
        """
        if name in builtin_cells():
            importlib.import_module(f"rnnzoo.cells.{name}")
        elif name not in cls._members:
            resolve_offered(name, where, cls._members)
        return super().find(name, where)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All cells: the package's own, those that were registered, those that installed packages offer."""
        return tuple(sorted({*builtin_cells(), *cls._members, *offered()}))


@lru_cache
def builtin_cells() -> tuple[str, ...]:
    """The names of the package's cells, one for each file; files of another kind begin with an underscore."""
    found = (module.name for module in pkgutil.iter_modules(sys.modules[__package__].__path__))
    return tuple(sorted(name for name in found if name != "base" and not name.startswith("_")))


class _CellModule(ModuleType):
    """A cell's file, which can be called like a layer's class: ``rnnzoo.cells.gru(input_size, hidden_size)``."""

    def __call__(self, input_size: int, hidden_size: int, **options: Any) -> Cell:
        name = self.__name__.rpartition(".")[2]
        config = CellConfig.from_dict({"name": name, **options}, name)
        if input_size < 1 or hidden_size < 1:
            raise UserError(f"{name}: sizes must be positive, not {input_size} and {hidden_size}")
        return config.build(input_size, hidden_size)
