"""Many steps of a language model in one call: graphs that read a text and graphs that write one.

The steps stand in a `scan`, which becomes a loop of the graph, so that whoever runs it pays for one call where there
were T. What is done to the logits, and how a token is drawn from them, is what `rnnzoo.runtime.sampling` does, which
the tests hold it to.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from rnnzoo import state as states
from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.inference.graphs.trace import Graph, Port
from rnnzoo.networks import LanguageNet
from rnnzoo.nn import valid_steps
from rnnzoo.runtime.sampling import SMALLEST_TEMPERATURE
from rnnzoo.shapes import Bool, Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["read_graph", "write_graph"]

_ROWS, _STEPS = 2, 3  # of the example that is traced; a size of 1 would be taken for a constant


def write_graph(model: LanguageNet) -> Graph:
    """``(tokens (B,), draws (T, B), temperature, top_k, top_p, min_p (B,), state) -> (written (T, B), largest (T, B),
    new state)``: T tokens, each drawn by its number in [0, 1), or the most probable where the temperature is 0.

    `largest` are the largest logits, which tell whether all of them are numbers.
    """
    like = model.initial_state(_ROWS)
    inputs: dict[str, Tensor] = {
        "tokens": torch.zeros(_ROWS, dtype=torch.int64),
        "draws": torch.rand(_STEPS, _ROWS, dtype=torch.float64),
        "temperature": torch.ones(_ROWS),
        "top_k": torch.zeros(_ROWS, dtype=torch.int64),
        "top_p": torch.ones(_ROWS, dtype=torch.float64),
        "min_p": torch.zeros(_ROWS, dtype=torch.float64),
    }
    return _traced(model, _Write(model, like), inputs, like, ("written", "largest"))


def read_graph(model: LanguageNet) -> Graph:
    """``(tokens, targets (T, B), lengths (B,), scored (), state) -> (nats (T, B), new state)``.

    A row's state is that after its own length. `nats` are -ln p(target), where they are asked for by `scored`.
    """
    like = model.initial_state(_ROWS)
    inputs: dict[str, Tensor] = {
        "tokens": torch.zeros(_STEPS, _ROWS, dtype=torch.int64),
        "targets": torch.zeros(_STEPS, _ROWS, dtype=torch.int64),
        "lengths": torch.tensor([_STEPS, _STEPS - 1]),
        "scored": torch.tensor(True),
    }
    return _traced(model, _Read(model, like), inputs, like, ("nats",))


def _traced(
    model: LanguageNet, module: nn.Module, inputs: dict[str, Tensor], like: State, said: tuple[str, ...]
) -> Graph:
    rows, steps = Dim("batch", min=1), Dim("steps", min=1)
    free = {
        name: dict(enumerate((rows,) if tensor.dim() == 1 else (steps, rows)[: tensor.dim()]))
        for name, tensor in inputs.items()
    }
    named = {name: leaf for name, leaf in states.flatten(like).items() if leaf[0].numel()}
    with evaluating(model):
        arguments = (*inputs.values(), named)
        shapes: tuple[Any, ...] = (*free.values(), {name: {0: rows} for name in named})
        program = torch.export.export(module, arguments, dynamic_shapes=shapes, strict=False)
        *found, new = module(*arguments)
    given = inputs | {f"state.{name}": leaf for name, leaf in named.items()}
    made = dict(zip(said, found, strict=True)) | {f"new_state.{name}": leaf for name, leaf in new.items()}
    return Graph(program, _ports(given), _ports(made))


class _Write(nn.Module):
    unwritten: Tensor

    def __init__(self, model: LanguageNet, like: State) -> None:
        super().__init__()
        self.model, self._like = model, like
        unwritten = torch.zeros(model.vocab_size, dtype=torch.bool)
        unwritten[list(model.tokenizer.unwritten)] = True
        self.register_buffer("unwritten", unwritten)

    def forward(
        self,
        tokens: Int[Tensor, "B"],
        draws: Float[Tensor, "T B"],
        temperature: Float[Tensor, "B"],
        top_k: Int[Tensor, "B"],
        top_p: Float[Tensor, "B"],
        min_p: Float[Tensor, "B"],
        state: dict[str, Tensor],
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        from torch._higher_order_ops.scan import scan  # in no public place yet

        names = list(state)
        any_drawn = (temperature > 0).any()
        any_filter = ((top_k > 0) | (top_p < 1) | (min_p > 0)).any()
        least = torch.log(min_p)

        def advance(carry: list[Tensor], draw: Tensor) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
            last, *leaves = carry
            before = _tree(self._like, dict(zip(names, leaves, strict=True)), last.size(0))
            logits, after = self.model.step(last, before)
            logits = logits.float()
            if self.model.tokenizer.unwritten:
                logits = torch.where(self.unwritten, -math.inf, logits)
            largest, likeliest = logits.max(1)
            scores = (logits - largest[:, None]) / temperature.clamp(min=SMALLEST_TEMPERATURE)[:, None]

            def drawn(scores: Tensor, draw: Tensor, likeliest: Tensor) -> Tensor:
                scores = torch.cond(any_filter, _filtered, _unfiltered, (scores, top_k, top_p, least))
                heights = scores.double().exp().cumsum(1)
                found = (heights <= draw[:, None] * heights[:, -1:]).sum(1)
                return torch.where(temperature > 0, found, likeliest)

            def greedy(scores: Tensor, draw: Tensor, likeliest: Tensor) -> Tensor:
                return likeliest.clone()

            new = torch.cond(any_drawn, drawn, greedy, (scores, draw, likeliest))
            named = _with_size(after)
            return [new, *(named[name].clone() for name in names)], (new.clone(), largest.clone())

        final, (written, largest) = scan(advance, [tokens, *(state[name] for name in names)], draws, dim=0)
        return written, largest, dict(zip(names, final[1:], strict=True))


class _Read(nn.Module):
    def __init__(self, model: LanguageNet, like: State) -> None:
        super().__init__()
        self.model, self._like = model, like

    def forward(
        self,
        tokens: Int[Tensor, "T B"],
        targets: Int[Tensor, "T B"],
        lengths: Int[Tensor, "B"],
        scored: Bool[Tensor, ""],
        state: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        from torch._higher_order_ops.scan import scan  # in no public place yet

        names = list(state)
        vectors = self.model.embedding_projection(self.model.embedding(tokens.flatten()))
        vectors = vectors.view(*tokens.shape, vectors.size(-1))

        def advance(carry: list[Tensor], step: tuple[Tensor, Tensor]) -> tuple[list[Tensor], Tensor]:
            x, valid = step
            before = _tree(self._like, dict(zip(names, carry, strict=True)), x.size(0))
            y, after = self.model.backbone.step(x, before)
            named, kept = _with_size(after), _with_size(before)
            new = [torch.where(valid.view(-1, *[1] * (kept[n].dim() - 1)), named[n], kept[n]) for n in names]
            return [leaf.clone() for leaf in new], y.clone()

        valid = valid_steps(lengths, tokens.size(0), tokens.device).t()
        final, hidden = scan(advance, [state[name] for name in names], (vectors, valid), dim=0)

        def nats(hidden: Tensor, targets: Tensor) -> Tensor:
            logits = self.model.head(self.model.output_projection(hidden)).float()
            return -logits.log_softmax(-1).gather(2, targets[:, :, None]).squeeze(2)  # type: ignore[no-any-return]

        def none(hidden: Tensor, targets: Tensor) -> Tensor:
            return torch.zeros_like(targets, dtype=torch.float32)

        said = torch.cond(scored, nats, none, (hidden, targets))
        return said, dict(zip(names, final, strict=True))


def _unfiltered(scores: Tensor, top_k: Tensor, top_p: Tensor, least: Tensor) -> Tensor:
    return scores.clone()


def _filtered(scores: Tensor, top_k: Tensor, top_p: Tensor, least: Tensor) -> Tensor:
    """`rnnzoo.runtime.sampling.filtered`, each row with numbers of its own."""
    size = scores.size(1)
    ranked, order = torch.topk(scores, size, dim=1)  # in ONNX: of equal ones the first
    rank = torch.arange(size, device=scores.device)
    kept = torch.where(top_k > 0, top_k, size)[:, None] > rank
    ranked = torch.where(kept, ranked, -math.inf)
    share = ranked.double().exp()
    share = share / share.sum(1, keepdim=True)
    before = share.cumsum(1) - share
    kept = (before < top_p[:, None]) | (rank == 0) | (top_p[:, None] >= 1)
    ranked = torch.where(kept & (ranked.double() >= least[:, None]), ranked, -math.inf)
    return torch.full_like(scores, -math.inf).scatter(1, order, ranked)


def _with_size(state: State) -> dict[str, Tensor]:
    return {name: leaf for name, leaf in states.flatten(state).items() if 0 not in leaf.shape[1:]}


def _tree(like: State, named: dict[str, Tensor], rows: int) -> State:
    given = dict(named)
    for name, leaf in states.flatten(like).items():
        if name not in given:
            given[name] = leaf.new_zeros(rows, *leaf.shape[1:])
    return states.unflatten(like, given)


def _ports(named: dict[str, Tensor]) -> tuple[Port, ...]:
    """Over time is what has two axes and is no state."""
    found = []
    for name, tensor in named.items():
        free = ("batch",) if "state." in name or tensor.dim() < 2 else ("steps", "batch")
        found.append(Port(name, (*free, *tensor.shape[len(free) :])[: tensor.dim()], tensor.dtype))
    return tuple(found)
