"""A graph as plain data, which the page's runtime (``assets/graph.mjs``) executes.

Operators are those of PyTorch's core set, and `linear`, under their names there; nothing of a cell is written here. A
graph is a list of nodes ``[operator, arguments]``, in an order in which each needs only earlier ones; an argument that
is the value of an earlier node is ``{"v": index}``, of a scan's body ``{"g": graph}``.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from rnnzoo.inference.graphs.trace import Graph
from rnnzoo.shapes import Tensor

__all__ = ["Json", "decomposed", "graph_json"]

Json = dict[str, Any]
_Constant = Callable[[str, Tensor], str]

_PLAIN: dict[Any, str] = {operator.getitem: "getitem", operator.add: "add", operator.sub: "sub", operator.mul: "mul"}
_PLAIN |= {operator.floordiv: "floordiv", operator.neg: "neg", operator.truediv: "truediv", operator.mod: "mod"}
_PLAIN |= {operator.eq: "eq", operator.ge: "ge", operator.le: "le", operator.gt: "gt", operator.lt: "lt"}
_NOT_RUN = ("_assert", "sym_constrain")  # of sizes, which hold


def decomposed(graph: Graph) -> ExportedProgram:
    """The graph in core operators, with `linear` whole: its weight is multiplied as it lies."""
    table = torch.export.default_decompositions()
    del table[torch.ops.aten.linear.default]
    with warnings.catch_warnings():
        # torch 2.13 deprecates what its own copies of a graph use
        warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")
        program: ExportedProgram = graph.program.run_decompositions(table)
    return program


def graph_json(
    graph: Graph, constant: _Constant, taps: Callable[[fx.Graph], Mapping[str, fx.Node]] | None = None
) -> Json:
    """The graph as plain data.

    Args:
        graph: what to write.
        constant: gets the name of a weight in the exported program, and its value; gives the name under which the page
            finds it.
        taps: finds nodes whose values can be asked for beside the outputs, by name.
    """
    program = decomposed(graph)
    signature = program.graph_signature
    given = iter(graph.inputs)
    inputs: list[str] = []
    found: list[Any] = []
    for spec in signature.input_specs:
        if spec.kind is InputKind.USER_INPUT:
            inputs.append(next(given).name)
            found.append(["input", len(inputs) - 1])
        else:
            assert spec.target is not None
            value = program.constants.get(spec.target)
            value = program.state_dict[spec.target] if value is None else value
            found.append(["constant", constant(spec.target, value)])
    outputs = [spec.kind for spec in signature.output_specs]
    assert all(kind is OutputKind.USER_OUTPUT for kind in outputs)
    written = _Nodes(program.graph_module, found, constant)
    named = {} if taps is None else taps(program.graph)
    return {
        "inputs": [
            {"name": port.name, "shape": list(port.shape), "dtype": _dtype(port.dtype)} for port in graph.inputs
        ],
        "outputs": [port.name for port in graph.outputs],
        **written.finished(),
        "taps": {name: written.places[node] for name, node in named.items()},
    }


class _Nodes:
    """The nodes of one graph module, those of its inputs given."""

    def __init__(self, module: fx.GraphModule, inputs: list[Any], constant: _Constant) -> None:
        self.module, self.constant = module, constant
        self.nodes: list[Any] = []
        self.places: dict[fx.Node, int] = {}
        self.results: Any = None
        given = iter(inputs)
        for node in module.graph.nodes:
            if node.op == "placeholder":
                self._add(node, next(given))
            elif node.op == "get_attr":
                held = getattr(module, node.target)
                if isinstance(held, Tensor):
                    self._add(node, ["constant", constant(node.target, held)])
            elif node.op == "output":
                self.results = self._argument(list(node.args[0]))
            elif not str(_name(node.target)).startswith(_NOT_RUN):
                self._add(node, [_name(node.target), *self._arguments(node)])

    def finished(self) -> Json:
        return {"nodes": self.nodes, "results": self.results}

    def _add(self, node: fx.Node, written: Any) -> None:
        self.places[node] = len(self.nodes)
        self.nodes.append(written)

    def _arguments(self, node: fx.Node) -> list[Any]:
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            assert not node.kwargs, node
            return [self._argument(value) for value in node.args]
        values: list[Any] = []
        for index, argument in enumerate(schema.arguments):
            if argument.name in ("layout", "device", "pin_memory", "memory_format", "generator"):
                continue
            if index < len(node.args):
                values.append(node.args[index])
            else:
                values.append(node.kwargs.get(argument.name, argument.default_value))
        return [self._argument(value) for value in values]

    def _argument(self, value: Any) -> Any:
        if isinstance(value, fx.Node):
            if value not in self.places:  # the body of a scan
                body = getattr(self.module, str(value.target))
                count = sum(node.op == "placeholder" for node in body.graph.nodes)
                return {"g": _Nodes(body, [["input", index] for index in range(count)], self.constant).finished()}
            return {"v": self.places[value]}
        if isinstance(value, (list, tuple)):
            return [self._argument(one) for one in value]
        if isinstance(value, torch.dtype):
            return _dtype(value)
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            return {"f": "inf" if value > 0 else "-inf"}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (torch.device, torch.layout, torch.memory_format)):
            return None
        raise TypeError(f"{value!r} in a graph")


def _name(target: Any) -> str:
    if target in _PLAIN:
        return _PLAIN[target]
    if isinstance(target, torch._ops.OpOverload):
        overload = target._overloadname
        return target._schema.name.split("::")[1] + ("" if overload in ("default", "") else f".{overload}")
    return str(getattr(target, "__name__", target))


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
