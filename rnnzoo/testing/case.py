"""What a law is tried on: a cell and its data."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.config import Config
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["TOLERANCES", "Case", "make_case"]

TOLERANCES: Mapping[torch.dtype, float] = {torch.float64: 1e-10, torch.float32: 2e-5}
"""Allowed difference, as a share of the largest absolute value of what is compared (of 1, if that is smaller)."""


@dataclass(frozen=True)
class Case:
    """A cell in evaluation mode, and data of four rows. All values are random: nothing hides behind a zero.

    Attributes:
        name: what the cell is called in messages.
        cell: a copy of the cell, an nn.Module, with noise on every parameter, since a bias that begins at zero
            would hide its loss.
        x, other_x: inputs (B, T, D), and others to replace some of them.
        state, other_state: states in mid-sequence.
        lengths: valid steps (B,), unsorted, with 0, 1 and T among them.
        weight, state_weight: factors of the outputs and the final state in the loss, so that no two of them are alike.
        tolerance: see `TOLERANCES`.
    """

    name: str
    cell: Any
    x: Float[Tensor, "B T D"]
    other_x: Float[Tensor, "B T D"]
    state: State
    other_state: State
    lengths: Int[Tensor, "B"]
    weight: Float[Tensor, "B T H"]
    state_weight: State
    tolerance: float

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of all data."""
        return self.x.dtype

    @property
    def valid(self) -> Tensor:
        """Which steps (B, T) lie before the row's end."""
        return torch.arange(self.x.size(1), device=self.x.device) < self.lengths[:, None]

    def padded(self, filler: Float[Tensor, "*any"] | float) -> Float[Tensor, "B T D"]:
        """The inputs with `filler` past each row's end."""
        return torch.where(self.valid[:, :, None], self.x, filler)

    def to(self, dtype: torch.dtype) -> Case:
        """The same numbers in another dtype."""
        cell = copy.deepcopy(self.cell).to(dtype)
        x, other_x, weight = self.x.to(dtype), self.other_x.to(dtype), self.weight.to(dtype)
        state, other, factors = (states.to(s, dtype=dtype) for s in (self.state, self.other_state, self.state_weight))
        return Case(self.name, cell, x, other_x, state, other, self.lengths, weight, factors, TOLERANCES[dtype])


def make_case(
    cell: nn.Module | CellConfig | StackConfig | str,
    dtype: torch.dtype = torch.float64,
    *,
    name: str | None = None,
    input_size: int = 3,
    hidden_size: int = 5,
    steps: int = 6,
    device: torch.device | str = "cpu",
    training: bool = False,
    state_noise: float = 0.5,
    seed: int = 0,
) -> Case:
    """What the laws are tried on.

    Args:
        cell: anything that satisfies the cell protocol, or what one is built from.
        dtype: float64 or float32.
        name: what it is called in messages.
        input_size: D, for a config. hidden_size: H, for a cell's config; a stack's config says its own.
        steps: T, at least 4; more than one block for a cell that works in blocks of time.
        device: where to run.
        training: leave the cell in training mode, where cuDNN has a backward pass; only for cells without dropout.
        state_noise: how far the states are moved off those that the cell itself reaches; 0 for a cell whose states
            must satisfy some condition.
        seed: of everything random; the global generator is left alone.

    Raises:
        TypeError: `cell` is not a cell.
    """
    if steps < 4:
        raise ValueError(f"steps is {steps}, and must be at least 4")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built, found_name = _built(cell, input_size, hidden_size)
        built.to(device=device, dtype=dtype).train(training)
        with torch.no_grad():
            for parameter in built.parameters():
                if parameter.is_floating_point():
                    parameter.add_(0.3 * torch.randn(parameter.shape, dtype=torch.float64).to(parameter))

        def randn(*shape: int) -> Tensor:  # drawn in float64, so that all dtypes see the same numbers
            return torch.randn(shape, dtype=torch.float64).to(device=device, dtype=dtype)

        def noisy(state: State, scale: float) -> State:
            return states.map(lambda s: s + scale * randn(*s.shape) if s.is_floating_point() else s, state)

        def midway() -> State:
            start = built.initial_state(4, device=torch.device(device), dtype=dtype)
            with torch.no_grad():
                return noisy(states.detach(built(randn(4, 3, built.input_size), start)[1]), state_noise)

        state, other_state = midway(), midway()
        return Case(
            name=name or found_name,
            cell=built,
            x=randn(4, steps, built.input_size),
            other_x=randn(4, steps, built.input_size),
            state=state,
            other_state=other_state,
            lengths=torch.tensor([1, steps, 0, steps - 2], device=device),
            weight=randn(4, steps, built.output_size),
            state_weight=states.map(lambda leaf: randn(*leaf.shape), state),
            tolerance=TOLERANCES[dtype],
        )


def _built(cell: nn.Module | CellConfig | StackConfig | str, input_size: int, hidden_size: int) -> tuple[Any, str]:
    if isinstance(cell, str):
        cell = CellConfig.from_dict(cell)
    built: Any
    if isinstance(cell, CellConfig):
        built, name = cell.build(input_size, hidden_size), _described(cell)
    elif isinstance(cell, StackConfig):
        built, name = cell.build(input_size), _described(cell)
    else:
        built, name = copy.deepcopy(cell), type(cell).__name__
    lacks = [a for a in ("input_size", "output_size", "initial_state", "step", "forward") if not hasattr(built, a)]
    if lacks or not isinstance(built, nn.Module):
        raise TypeError(f"{name} is not a cell: it has no {', '.join(lacks) or 'parameters (it is not an nn.Module)'}")
    return built, name


def _described(config: Config) -> str:
    """The config with what differs from its defaults."""
    said = []
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if value != (f.default if f.default_factory is dataclasses.MISSING else f.default_factory()):
            parts = value if isinstance(value, tuple) else (value,)
            said.append(f"{f.name}={', '.join(_described(v) if isinstance(v, Config) else str(v) for v in parts)}")
    return f"{config.name or type(config).__name__}({', '.join(said)})"
