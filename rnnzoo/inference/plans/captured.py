"""The plan for a GPU: a step that comes again and again is recorded once, as a CUDA graph, and replayed.

A step of a few rows is some dozens of small kernels there, and telling the GPU of each takes longer than they do; of a
graph it is told once. A graph reads and writes at fixed places, so that what a step is given is copied there, and what
it gives is copied from there: states are never changed in place. Recording takes as long as many steps, so only what
has been asked for several times is recorded; a beam, whose rows become fewer, mostly runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.inference.plans import prepared
from rnnzoo.inference.plans.plain import PlainPlan
from rnnzoo.networks import Network
from rnnzoo.shapes import Tensor
from rnnzoo.state import State

__all__ = ["CapturedPlan", "prepare"]

Given: TypeAlias = tuple[Tensor, State, State]
"""Tokens, state and memory."""

_TABLE = 1 << 26
"""Entries up to which the first product is a look-up: 256 MB of float32."""

_WORTH = 8
"""Steps of one shape that are run as they are, before the next one is recorded."""

_KEPT = 16
"""Shapes whose graphs are kept; the oldest gives way."""

_WARM = 3
"""Steps before a recording, in which libraries set up what cannot be set up in one."""


def prepare(model: Network) -> CapturedPlan:
    """A plan over a copy of the weights as they are now.

    Raises:
        UserError: the model is not on a GPU.
    """
    if device_of(model).type != "cuda":
        raise UserError("the backend cuda-graph runs on a GPU: say --device cuda, or take another backend")
    return CapturedPlan(prepared.folded(model, _TABLE))


class CapturedPlan(PlainPlan):
    """A model that is nobody else's, and the graphs of its step."""

    def __init__(self, model: Network) -> None:
        super().__init__(model)
        self._asked: dict[Any, int] = {}
        self._recorded: dict[Any, _Recorded] = {}

    def step(self, tokens: Tensor, state: State, memory: Any = ()) -> tuple[Tensor, State]:
        """One token further."""
        given = tokens, state, memory
        key = tuple((leaf.shape, leaf.dtype) for leaf in states.leaves(given))
        recorded = self._recorded.get(key)
        if recorded is None:
            self._asked[key] = self._asked.get(key, 0) + 1
            if self._asked[key] <= _WORTH:
                return super().step(*given)
            if len(self._recorded) == _KEPT:
                del self._recorded[next(iter(self._recorded))]
            recorded = self._recorded[key] = _Recorded(super().step, given)
        return recorded(given)


class _Recorded:
    """The graph of a step of one shape."""

    def __init__(self, step: Callable[..., tuple[Tensor, State]], given: Given) -> None:
        self._given = states.map(torch.clone, given)
        self._memory = given[2]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM):
                step(*self._given)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(self._graph, stream=aside):
                self._made = step(*self._given)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"this model's step cannot be a CUDA graph ({reason}): take another backend") from error

    def __call__(self, given: Given) -> tuple[Tensor, State]:
        tokens, state, memory = given
        mine = self._given
        mine[0].copy_(tokens)
        for place, leaf in zip(states.leaves(mine[1]), states.leaves(state), strict=True):
            place.copy_(leaf)
        if memory is not self._memory:  # else it is there: a sentence has one for all its steps
            for place, leaf in zip(states.leaves(mine[2]), states.leaves(memory), strict=True):
                place.copy_(leaf)
            self._memory = memory
        self._graph.replay()
        return states.map(torch.clone, self._made)
