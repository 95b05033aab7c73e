"""Graphs as a page has them, with what PyTorch makes of some inputs: python -m graph_cases MODEL FILE [FILE.onnx]."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import every_cell
import torch
from every_cell import examples
from small_translator import small_translator

from rnnzoo import state as states
from rnnzoo.inference.graphs.trace import Graph
from rnnzoo.models import Seq2Seq
from rnnzoo.page.graph_json import graph_json
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.zoo.export import export_model
from rnnzoo.zoo.kinds import Model, kind_of

STEPS = 40


def written(tensor: Tensor) -> dict[str, Any]:
    tensor = tensor.detach().contiguous()
    narrow = tensor.int() if tensor.dtype == torch.int64 else tensor
    data = base64.b64encode(narrow.view(torch.uint8).numpy().tobytes() if narrow.numel() else b"").decode()
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "data": data}


def named(prefix: str, tree: State) -> dict[str, Any]:
    leaves = states.flatten(tree).items()
    return {f"{prefix}.{name}": written(leaf) for name, leaf in leaves if 0 not in leaf.shape[1:]}


@torch.no_grad()
def case_of(model: Model, traced: Mapping[str, Graph]) -> dict[str, Any]:
    """Graphs, weights, and runs: an encoder's, and some steps, each from the state that PyTorch was in."""
    torch.manual_seed(11)
    constants: dict[str, Any] = {}

    def constant(name: str, value: Tensor) -> str:
        constants[f"{len(constants)} {name}"] = written(value)
        return f"{len(constants) - 1} {name}"

    runs: list[dict[str, Any]] = []
    for rows in (1, 3):
        memory: State = ()
        if isinstance(model, Seq2Seq):
            src, lengths = torch.randint(model.src_boundary, (rows, 5)), torch.tensor([5, 3, 1][:rows])
            state, memory = model.encode(src, lengths)
            given = {"src": written(src), "lengths": written(lengths)}
            runs.append(
                {"part": "encoder", "inputs": given, "outputs": named("state", state) | named("memory", memory)}
            )
        else:
            state = model.initial_state(rows)
        for _ in range(STEPS):
            tokens = torch.randint(model.vocab_size, (rows,))
            given = {"tokens": written(tokens), **named("state", state), **named("memory", memory)}
            logits, state = model.step(tokens, state, memory)
            runs.append(
                {"part": "step", "inputs": given, "outputs": {"logits": written(logits), **named("new_state", state)}}
            )
    graphs = {part: graph_json(graph, constant) for part, graph in traced.items()}
    return {"graphs": graphs, "constants": constants, "runs": runs}


def model_called(name: str) -> Model:
    """A function of `every_cell`, or the translator over one of all cells' examples, by number."""
    if not name.isdigit():
        made: Model = getattr(every_cell, name)()
        return made
    stack = {"cell": examples()[int(name)].to_dict(), "hidden_size": 10}
    return small_translator(encoder=stack, decoder=stack, bridge="projected").eval()


if __name__ == "__main__":
    made = model_called(sys.argv[1])
    kind = kind_of(made)
    graphs = kind.graphs(made)
    Path(sys.argv[2]).write_text(json.dumps(case_of(made, graphs)), encoding="utf-8")
    if len(sys.argv) > 3:
        kind.graphs = lambda model: graphs  # type: ignore[method-assign]  # traced once
        export_model(made, sys.argv[3])
