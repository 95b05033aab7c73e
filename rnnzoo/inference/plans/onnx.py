"""The plan for ONNX Runtime: the step as an ONNX graph, in float32 or with weights of 8 bits; needs extra ``export``.

The graph is traced from the model's own step when the plan is made, which takes some seconds. What a translator's
encoder does, once a sentence, stays with PyTorch.
"""

from __future__ import annotations

from typing import Any

import torch

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.inference.graphs.onnx import require_onnx, to_onnx
from rnnzoo.inference.graphs.trace import step_graph
from rnnzoo.inference.plans import prepared
from rnnzoo.networks import LanguageNet, Network, Seq2SeqNet
from rnnzoo.shapes import Tensor
from rnnzoo.state import State

__all__ = ["OnnxPlan", "prepare", "prepare_int8"]

_TABLE = 1 << 22
"""Entries up to which a table of the first product goes into the graph: 16 MB."""


def prepare(model: Network) -> OnnxPlan:
    """A plan with the model's own numbers.

    Raises:
        UserError: a package is missing, or the model is not on the CPU.
    """
    return OnnxPlan(model, int8=False)


def prepare_int8(model: Network) -> OnnxPlan:
    """A plan with weights of 8 bits: faster, and with numbers of its own; see docs/export.md for how far they differ.

    Raises:
        UserError: as for `prepare`.
    """
    return OnnxPlan(model, int8=True)


class OnnxPlan:
    """A session of ONNX Runtime behind the interface of a plan; as many threads as PyTorch has when it is made."""

    def __init__(self, model: Network, *, int8: bool) -> None:
        require_onnx("onnx", "onnxscript", "onnxruntime")
        import onnxruntime  # type: ignore[import-untyped]

        assert isinstance(model, LanguageNet | Seq2SeqNet)
        if device_of(model).type != "cpu":
            raise UserError("the onnx backends run on the CPU: leave --device out, or take another backend")
        graph = step_graph(prepared.folded(model, _TABLE))  # type: ignore[arg-type]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(to_onnx(graph, int8=int8), options)
        self._inputs = {port.name for port in graph.inputs}
        self._states = [port.name for port in graph.inputs if port.name.startswith("state.")]
        # The state that was given out last and a translator's memory, as the session takes them: the next step's.
        self._carried: tuple[State, dict[str, Any]] = (None, {})
        self._kept: tuple[Any, dict[str, Any]] = (None, {})
        self._torch = prepared.prepare(model)  # for what is no step

    def initial_state(self, batch_size: int) -> State:
        """What is carried before the first token."""
        return self._torch.initial_state(batch_size)

    def encode(self, src: Tensor, lengths: Tensor) -> tuple[State, Any]:
        """The decoder's first state, and the memory."""
        return self._torch.encode(src, lengths)

    def step(self, tokens: Tensor, state: State, memory: Any = ()) -> tuple[Tensor, State]:
        """One token further."""
        carried, kept = self._carried, self._kept
        given = carried[1] if carried[0] is state else self._named("state", state)
        if not isinstance(memory, tuple) or memory:
            if kept[0] is not memory:
                self._kept = kept = memory, self._named("memory", memory)
            given = given | kept[1]
        logits, *new = self._session.run(None, {"tokens": tokens.numpy(), **given})
        # In the order of the inputs, but for tensors without any numbers, which stay what they are.
        after = iter(new)
        state = states.map(lambda leaf: torch.from_numpy(next(after)) if leaf.numel() else leaf, state)
        self._carried = state, dict(zip(self._states, new, strict=True))
        return torch.from_numpy(logits), state

    def _named(self, prefix: str, tree: State) -> dict[str, Any]:
        found = ((f"{prefix}.{name}", leaf) for name, leaf in states.flatten(tree).items())
        return {name: leaf.detach().numpy() for name, leaf in found if name in self._inputs}
