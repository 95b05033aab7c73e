"""The plan for a CPU: a copy of the model whose weights were prepared; its code is the model's own.

No recurrence and no step is written here. The copy's weights are `PreparedWeight`s, and where the first layer sees its
input through a product only, that product is made of the embedding table beforehand, so that it becomes a look-up.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from rnnzoo.backbones import Stack
from rnnzoo.cells._hoisted import HoistedCell
from rnnzoo.cells.base import Cell
from rnnzoo.inference.plans.weights import PreparedWeight
from rnnzoo.networks import LanguageNet, Network, Seq2SeqNet
from rnnzoo.nn import LockedDropout
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["folded", "prepare"]

_AT_ONCE = 1 << 28
"""Multiplications up to which a table is made at the start: some milliseconds."""


def prepare(model: Network) -> PreparedPlan:
    """A plan over a copy of the weights as they are now."""
    own: Any = _snapshot(model)
    _fold(own)
    if isinstance(own, LanguageNet):
        parts: list[nn.Module | None] = [own.embedding_projection, own.backbone, own.output_projection, own.head]
    else:
        parts = [own.decoder, own.attention_layer, own.readout, own.head]
    modules = [module for part in parts if part is not None for module in part.modules()]
    for module in modules:
        for name, weight in module.named_parameters(recurse=False):
            vars(module)[name] = PreparedWeight.of(weight)  # is found before the parameter, which stays
    _shorten(own)
    plan = PreparedPlan(own)
    _try(plan)
    for module in modules:
        for name, _ in module.named_parameters(recurse=False):
            vars(module)[name] = vars(module)[name].unless_in_vain()
    return plan


def _try(plan: PreparedPlan) -> None:
    """A step, in which it shows what preparing is worth to which weight."""
    tokens, model = torch.zeros(1, dtype=torch.int64), plan.model
    if isinstance(model, LanguageNet):
        plan.step(tokens, model.initial_state(1))
    else:
        plan.step(tokens, *plan.encode(torch.zeros(1, 2, dtype=torch.int64), torch.tensor([2])))
    for module in model.modules():
        if isinstance(module, _Folded) and not module.whole:
            module.known.zero_()  # a large table begins empty


def folded(model: Network, entries: int) -> Network:
    """A copy whose first product is a look-up, where the table of it has no more than so many entries."""
    own = _snapshot(model)
    _fold(own, entries)
    return own


class PreparedPlan:
    """A model that is nobody else's, over prepared weights."""

    def __init__(self, model: LanguageNet | Seq2SeqNet) -> None:
        self.model: Any = model

    def initial_state(self, batch_size: int) -> State:
        return self.model.initial_state(batch_size)

    @torch.no_grad()
    def encode(self, src: Int[Tensor, "B S"], lengths: Int[Tensor, "B"]) -> tuple[State, Any]:
        return self.model.encode(src, lengths)  # type: ignore[no-any-return]

    def step(self, tokens: Int[Tensor, "B"], state: State, memory: Any = ()) -> tuple[Float[Tensor, "B V"], State]:
        with torch.no_grad():  # as a decorator it would cost twice as much
            return self.model.step(tokens, state, memory)  # type: ignore[no-any-return]


def _snapshot(model: Network) -> Network:
    """A copy in evaluation mode, without gradients and without what falls on weights in training."""
    shared = [vars(model)[name] for name in ("tokenizer", "src_tokenizer", "tgt_tokenizer") if name in vars(model)]
    own = copy.deepcopy(model, {id(one): one for one in shared}).requires_grad_(False).eval()
    for module in list(own.modules()):
        if parametrize.is_parametrized(module):
            weights = {name: getattr(module, name) for name in dict(module.parametrizations.named_children())}  # type: ignore[union-attr]
            # By hand: the copy has its class in common with the model, whose parametrisations PyTorch would remove too.
            module.__class__ = type(module).__bases__[0]
            del module.parametrizations
            for name, weight in weights.items():
                module.register_parameter(name, nn.Parameter(weight, requires_grad=False))
    return own


def _shorten(model: nn.Module) -> None:
    """Modules find their parts at once, and what does nothing in evaluation mode is not called as a module.

    PyTorch looks parts up in a function of Python's, ten times a step; they are found before that in a module's own
    dictionary.
    """
    for module in model.modules():
        for name, part in module._modules.items():
            vars(module)[name] = _same if isinstance(part, nn.Identity | nn.Dropout | LockedDropout) else part


def _same(x: Tensor) -> Tensor:
    return x


def _fold(model: Any, entries: int | None = None) -> None:
    """Puts a table in the place of embedding and first product; one of no more than `entries`, if that is said."""
    if isinstance(model, LanguageNet):
        if type(model).step is LanguageNet.step:
            found = _folded(model.embedding, model.embedding_projection, model.backbone, entries)
            model.embedding, model.embedding_projection = found
    elif isinstance(model, Seq2SeqNet) and not model.config.input_feeding and type(model).step is Seq2SeqNet.step:
        model.tgt_embedding, _ = _folded(model.tgt_embedding, nn.Identity(), model.decoder, entries)


def _folded(embedding: Any, projection: nn.Module, stack: Stack, entries: int | None) -> tuple[Any, Any]:
    """Embedding and projection for `stack`, whose first layer takes what they give for its projected input."""
    first = stack.cells[0]
    if not isinstance(first, HoistedCell) or type(first).step is not HoistedCell.step or stack.config.residual:
        return embedding, projection
    table = _Folded(embedding, projection, first)
    if entries is not None and not (table.whole and table.table.numel() <= entries):
        return embedding, projection
    stack.layers[0] = _Advancing(first)
    return table, nn.Identity()


class _Advancing(Cell):
    """A cell whose input comes projected."""

    def __init__(self, cell: HoistedCell) -> None:
        super().__init__()
        self.cell, self.input_size, self.output_size = cell, cell.input_size, cell.output_size

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        return self.cell.initial_state(batch_size, device=device, dtype=dtype)

    def step(self, x: Float[Tensor, "B P"], state: State) -> tuple[Float[Tensor, "B H"], State]:
        return self.cell.advance(x, state)


class _Folded(nn.Module):
    """Embedding and input product in one table (V, P); a large one is filled as its tokens come.

    So a large vocabulary costs no waiting at the start, and no memory for what is never said.
    """

    table: Tensor
    known: Tensor

    def __init__(self, embedding: nn.Embedding, projection: nn.Module, cell: HoistedCell) -> None:
        super().__init__()
        self.embedding, self.projection, self.cell = embedding, projection, cell
        example = self.rows(torch.zeros(1, dtype=torch.int64, device=embedding.weight.device))
        size = embedding.num_embeddings
        self.register_buffer("table", example.new_empty(size, example.size(1)))
        self.register_buffer("known", torch.zeros(size, dtype=torch.bool, device=example.device))
        self.whole = size * embedding.embedding_dim * example.size(1) <= _AT_ONCE
        if self.whole:
            self.table.copy_(self.rows(torch.arange(size, device=example.device)))

    @torch.no_grad()
    def rows(self, tokens: Int[Tensor, "B"]) -> Float[Tensor, "B P"]:
        """What the first layer makes of these tokens' vectors, by its own code."""
        return self.cell.project(self.projection(self.embedding(tokens)))

    def forward(self, tokens: Int[Tensor, "B"]) -> Float[Tensor, "B P"]:
        if not self.whole and not self.known.index_select(0, tokens).all():
            new = torch.unique(tokens[~self.known[tokens]])
            self.table[new] = self.rows(new)
            self.known[new] = True  # last: who reads beside us must not find a row that is not there
        return self.table.index_select(0, tokens)
