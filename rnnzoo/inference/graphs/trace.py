"""A model's step as a graph of named tensors, for programs without this package: `torch.export`, and from there ONNX.

A language model is one graph. A translator is two: the encoder, which reads whole sentences, and the step. States and
memories are flat: ``state.0.h`` is field h of layer 0's state before the step, ``new_state.0.h`` the same after it,
``memory.keys`` what the encoder has prepared for attention. Batch and source length may be any from 1.

Whatever a cell computes comes from its own `step`; no cell is known here by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStack, Stack
from rnnzoo.cells import Cell
from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.networks import ClassifierNet, LanguageNet, Seq2SeqNet
from rnnzoo.nn import valid_steps
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Graph", "Port", "encoder_graph", "features_graph", "head_graph", "step_graph", "whole_graph"]

Named = Mapping[str, Tensor]

_ROWS, _STEPS = 2, 3  # of the example that is traced; a size of 1 would be taken for a constant


class Port(NamedTuple):
    """An input or output: in its shape stand numbers, and the names of sizes that are free."""

    name: str
    shape: tuple[int | str, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class Graph:
    """A traced function of named tensors.

    Attributes:
        program: what `torch.export.export` gave.
        inputs: what it takes, in order. outputs: what it gives, in order.
    """

    program: ExportedProgram
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def step_graph(model: LanguageNet | Seq2SeqNet | ClassifierNet) -> Graph:
    """``(tokens (B,), state, memory) -> (logits (B, V), new state)``, as decoding calls it.

    The exported module takes the state and, of a translator with attention, the memory as dictionaries::

        run = step_graph(model).program.module()
        logits, state = run(torch.tensor([3]), {"0.h": h, "0.c": c})

    Args:
        model: used without dropout, and left as it is.
    """
    with evaluating(model):
        state, memory = _example(model)
        named, remembered = _with_size(state), _with_size(memory)
        step = _Step(model, state, memory)
        tokens = torch.zeros(_ROWS, dtype=torch.int64, device=next(model.parameters()).device)
        arguments = (tokens, named, remembered) if remembered else (tokens, named)
        rows, length = Dim("batch", min=1), Dim("source", min=1)
        shapes: list[Any] = [{0: rows}, {name: {0: rows} for name in named}]
        if remembered:  # all that attention reads is (B, S, ...)
            shapes.append({name: {0: rows, 1: length} for name in remembered})
        program = torch.export.export(step, arguments, dynamic_shapes=tuple(shapes), strict=False)
        logits, new = step(*arguments)
    given = {"tokens": tokens, **_prefixed("state", named), **_prefixed("memory", remembered)}
    return Graph(program, _described(given), _described({"logits": logits, **_prefixed("new_state", new)}))


def features_graph(model: LanguageNet) -> Graph:
    """``(tokens (B,), state) -> (hidden (B, D), new state)``: a step up to what the output layer gets."""
    with evaluating(model):
        state, _ = _example(model)
        tokens = torch.zeros(_ROWS, dtype=torch.int64, device=next(model.parameters()).device)
        named, rows, features = _with_size(state), Dim("batch", min=1), _Features(model, state)
        free = ({0: rows}, {name: {0: rows} for name in named})
        program = torch.export.export(features, (tokens, named), dynamic_shapes=free, strict=False)
        hidden, new = features(tokens, named)
    given = {"tokens": tokens, **_prefixed("state", named)}
    return Graph(program, _described(given), _described({"hidden": hidden, **_prefixed("new_state", new)}))


def head_graph(model: LanguageNet) -> Graph:
    """``hidden (B, D) -> logits (B, V)``: the output layer, which `features_graph` leaves out."""
    with evaluating(model):
        tokens = torch.zeros(_ROWS, dtype=torch.int64, device=next(model.parameters()).device)
        hidden, _ = model.hidden_step(tokens, model.initial_state(_ROWS))
        head = _Head(model)
        program = torch.export.export(head, (hidden,), dynamic_shapes=({0: Dim("batch", min=1)},), strict=False)
        logits = head(hidden)
    return Graph(program, _described({"hidden": hidden}), _described({"logits": logits}))


def encoder_graph(model: Seq2SeqNet) -> Graph:
    """``(src (B, S), lengths (B,)) -> (state, memory)``, under the names that `step_graph` takes them by."""
    with evaluating(model), _scanning(model.encoder):
        device = next(model.parameters()).device
        src = torch.zeros(_ROWS, _STEPS, dtype=torch.int64, device=device)
        lengths = torch.tensor([_STEPS, _STEPS - 1], device=device)
        rows, length = Dim("batch", min=1), Dim("source", min=1)
        encode = _Encode(model)
        program = torch.export.export(
            encode, (src, lengths), dynamic_shapes=({0: rows, 1: length}, {0: rows}), strict=False
        )
        found = encode(src, lengths)
    return Graph(program, _described({"src": src, "lengths": lengths}), _described(found))


def whole_graph(model: ClassifierNet) -> Graph:
    """``(tokens (B, T), lengths (B,)) -> logits (B, C)``: whole texts, the inputs called as a translator's sources.

    Args:
        model: used without dropout, and left as it is.
    """
    with evaluating(model), _scanning(model.backbone):
        device = next(model.parameters()).device
        src = torch.zeros(_ROWS, _STEPS, dtype=torch.int64, device=device)
        lengths = torch.tensor([_STEPS, _STEPS - 1], device=device)
        rows, length = Dim("batch", min=1), Dim("source", min=1)
        program = torch.export.export(
            model, (src, lengths), dynamic_shapes=({0: rows, 1: length}, {0: rows}), strict=False
        )
        logits: Tensor = model(src, lengths)
    return Graph(program, _described({"src": src, "lengths": lengths}), _described({"logits": logits}))


class _Step(nn.Module):
    """`model.step` on named tensors. Tensors without any numbers, which a graph cannot take, are made inside it."""

    def __init__(self, model: LanguageNet | Seq2SeqNet | ClassifierNet, state: State, memory: State) -> None:
        super().__init__()
        self.model, self._state, self._memory = model, state, memory

    def forward(self, tokens: Tensor, state: Named, memory: Named | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        rows = tokens.size(0)
        logits, new = self.model.step(tokens, _tree(self._state, state, rows), _tree(self._memory, memory or {}, rows))
        return logits, _with_size(new)


class _Features(nn.Module):
    """`model.step` without the output layer."""

    def __init__(self, model: LanguageNet, state: State) -> None:
        super().__init__()
        self.model, self._state = model, state

    def forward(self, tokens: Tensor, state: Named) -> tuple[Tensor, dict[str, Tensor]]:
        hidden, new = self.model.hidden_step(tokens, _tree(self._state, state, tokens.size(0)))
        return hidden.clone(), _with_size(new)


class _Head(nn.Module):
    """A model's output layer, in float32."""

    def __init__(self, model: LanguageNet) -> None:
        super().__init__()
        self.head = model.head

    def forward(self, hidden: Tensor) -> Tensor:
        return self.head(hidden).float()  # type: ignore[no-any-return]


class _Encode(nn.Module):
    """`model.encode`, its results by name."""

    def __init__(self, model: Seq2SeqNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, src: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        state, memory = self.model.encode(src, lengths)
        return _prefixed("state", _with_size(state)) | _prefixed("memory", _with_size(memory))


def _example(model: LanguageNet | Seq2SeqNet | ClassifierNet) -> tuple[State, State]:
    """A state and a memory of `_ROWS` rows."""
    if isinstance(model, LanguageNet | ClassifierNet):
        return model.initial_state(_ROWS), ()
    device = next(model.parameters()).device
    src = torch.zeros(_ROWS, _STEPS, dtype=torch.int64, device=device)
    return model.encode(src, torch.full((_ROWS,), _STEPS, device=device))


def _with_size(state: State) -> dict[str, Tensor]:
    """The leaves by name, those left out that have no numbers in them."""
    return {name: leaf for name, leaf in states.flatten(state).items() if 0 not in leaf.shape[1:]}


def _tree(like: State, named: Named, rows: int) -> State:
    """`_with_size`'s inverse."""
    given = dict(named)
    for name, leaf in states.flatten(like).items():
        if name not in given:
            given[name] = leaf.new_zeros(rows, *leaf.shape[1:])
    return states.unflatten(like, given)


def _prefixed(prefix: str, named: Named) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in named.items()}


def _described(named: Named) -> tuple[Port, ...]:
    """What each is; the example's rows and source steps are the free sizes."""
    found = []
    for name, tensor in named.items():
        free = ("batch", "source") if name.startswith(("memory.", "src")) else ("batch",)
        found.append(Port(name, (*free, *tensor.shape[len(free) :]), tensor.dtype))
    return tuple(found)


@contextmanager
def _scanning(encoder: Stack | BidirectionalStack) -> Iterator[None]:
    """Inside, sequences of any length can be traced: the step is unrolled by a `scan` instead of by Python.

    A unidirectional stack is one scan, of a bidirectional one every direction of every layer.
    """
    cells: list[Cell] = [encoder] if isinstance(encoder, Stack) else [cell for pair in encoder.pairs for cell in pair]
    try:
        for cell in cells:
            cell.forward = _Scanned(cell)  # type: ignore[method-assign]
        yield
    finally:
        for cell in cells:
            del cell.forward


class _Scanned:
    """`forward` of a cell, as `rnnzoo.cells.unroll` has it."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def __call__(
        self, x: Float[Tensor, "B S D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B S H"], State]:
        from torch._higher_order_ops.scan import scan  # in no public place yet

        assert lengths is not None
        first = self.cell.begin(x, state)
        names = list(states.flatten(first))

        def advance(carry: list[Tensor], step: tuple[Tensor, Tensor]) -> tuple[list[Tensor], Tensor]:
            before = states.unflatten(first, dict(zip(names, carry, strict=True)))
            (x_t, valid) = step
            y, after = self.cell.step(x_t, before)
            kept = states.select(valid, after, before)
            return [leaf.clone() for leaf in states.leaves(kept)], torch.where(valid[:, None], y, 0)

        valid = valid_steps(lengths, x.size(1), x.device)
        x = torch.where(valid[:, :, None], x, 0)
        final, outputs = scan(advance, states.leaves(first), (x.transpose(0, 1), valid.t()), dim=0)
        return outputs.transpose(0, 1), states.unflatten(first, dict(zip(names, final, strict=True)))
