"""Weights of several ONNX graphs in one file, each once; and weights of 8 bits.

A table that two graphs read, or that one graph both looks up and multiplies by, is stored once: rows of products are
rows of tables. With 8 bits each row has a scale of its own, and what it is multiplied by is rounded as it comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnzoo.runtime.bundle import WEIGHTS

__all__ = ["quantised", "shared_weights"]

_LEAST = 256
"""Bytes from which on a tensor lies in the file of weights."""

_ALIGNED = 64
_LARGEST = 63
"""Of a weight in 8 bits: without VNNI two products of 8 bits overflow the 16 that they are added in."""

_LEAST_WEIGHTS = 1024
"""Numbers from which on a matrix is worth 8 bits."""


def shared_weights(models: Mapping[str, Any]) -> bytes:
    """The weights of these `onnx.ModelProto`s, which refer to them from now on, and hold no notes of their making."""
    import onnx

    places: dict[bytes, tuple[int, int]] = {}
    parts, end = [], 0
    for model in models.values():
        model.ClearField("metadata_props")
        for graph in _graphs(model.graph):
            for one in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
                one.ClearField("metadata_props")
                one.ClearField("doc_string")
            graph.ClearField("value_info")
            for tensor in graph.initializer:
                data = onnx.numpy_helper.to_array(tensor).tobytes()
                if len(data) < _LEAST:
                    continue
                key = hashlib.sha256(data).digest()
                if key not in places:
                    gap = -end % _ALIGNED
                    places[key] = (end + gap, len(data))
                    parts += [b"\0" * gap, data]
                    end += gap + len(data)
                shape, kind, name = list(tensor.dims), tensor.data_type, tensor.name
                tensor.Clear()
                tensor.dims.extend(shape)
                tensor.data_type, tensor.name = kind, name
                tensor.data_location = onnx.TensorProto.EXTERNAL
                offset, length = places[key]
                for word, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
                    entry = tensor.external_data.add()
                    entry.key, entry.value = word, str(value)
    return b"".join(parts)


def quantised(model: Any) -> None:
    """Gives tables and products of an `onnx.ModelProto`, also those in loops, weights of 8 bits."""
    import onnx
    from onnx import helper

    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    names = _Names(model.graph)
    done: dict[tuple[str, bool], tuple[str, str]] = {}
    above: list[Any] = []  # nodes in front, of weights alone: ONNX Runtime computes them once

    def rows_of(name: str, transposed: bool) -> tuple[str, str] | None:
        """The int8 rows of a matrix, or of its transpose, and their scales."""
        weight = arrays.get(name)
        if weight is None or weight.ndim != 2 or weight.dtype != np.float32 or weight.size < _LEAST_WEIGHTS:
            return None
        if (name, transposed) not in done:
            rows, scales = _rounded(weight.T if transposed else weight)
            found = names.new(f"{name}.int8"), names.new(f"{name}.scale")
            model.graph.initializer.append(onnx.numpy_helper.from_array(rows, found[0]))
            model.graph.initializer.append(onnx.numpy_helper.from_array(scales, found[1]))
            done[name, transposed] = found
        return done[name, transposed]

    columns: dict[str, str] = {}

    def columns_of(rows: str) -> str:
        if rows not in columns:
            columns[rows] = names.new(f"{rows}.columns")
            above.append(helper.make_node("Transpose", [rows], [columns[rows]], perm=[1, 0]))
        return columns[rows]

    def replaced(node: Any) -> list[Any]:
        if node.op_type == "Gather" and _value(node, "axis", 0) == 0 and (found := rows_of(node.input[0], False)):
            rows, scales = found
            row, real, scale = (names.new(f"{node.output[0]}.{part}") for part in ("row", "real", "scale"))
            return [
                helper.make_node("Gather", [rows, node.input[1]], [row]),
                helper.make_node("Cast", [row], [real], to=onnx.TensorProto.FLOAT),
                helper.make_node("Gather", [names.column(model, scales), node.input[1]], [scale]),
                helper.make_node("Mul", [real, scale], list(node.output)),
            ]
        plain = node.op_type == "MatMul" or (
            node.op_type == "Gemm"
            and _value(node, "alpha", 1.0) == _value(node, "beta", 1.0) == 1
            and not _value(node, "transA", 0)
        )
        if plain and (found := rows_of(node.input[1], not _value(node, "transB", 0))):
            rows, scales = found
            inputs = [node.input[0], columns_of(rows), scales]
            if len(node.input) > 2:
                inputs += ["", node.input[2]]
            return [helper.make_node("DynamicQuantizeMatMul", inputs, list(node.output), domain="com.microsoft")]
        return [node]

    for graph in reversed(list(_graphs(model.graph))):  # what is in a node before the node is copied
        nodes = [new for node in graph.node for new in replaced(node)]
        del graph.node[:]
        graph.node.extend(nodes)
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*above, *rest])
    used = {name for graph in _graphs(model.graph) for node in graph.node for name in node.input}
    kept = [one for one in model.graph.initializer if one.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    if not any(one.domain == "com.microsoft" for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _rounded(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows of 8 bits and their scales (N,)."""
    scales = np.abs(weight).max(1) / _LARGEST
    scales[scales == 0] = 1
    return np.rint(weight / scales[:, None]).astype(np.int8), scales.astype(np.float32)


class _Names:
    """Names that nothing in a graph has yet."""

    def __init__(self, graph: Any) -> None:
        self._taken = {name for some in _graphs(graph) for node in some.node for name in (*node.input, *node.output)}
        self._columns: dict[str, str] = {}

    def new(self, wish: str) -> str:
        name, number = wish, 0
        while name in self._taken:
            number += 1
            name = f"{wish}.{number}"
        self._taken.add(name)
        return name

    def column(self, model: Any, scales: str) -> str:
        """Scales (N,) as (N, 1), for rows that are looked up."""
        import onnx

        if scales not in self._columns:
            (array,) = (onnx.numpy_helper.to_array(one) for one in model.graph.initializer if one.name == scales)
            self._columns[scales] = self.new(f"{scales}.column")
            model.graph.initializer.append(onnx.numpy_helper.from_array(array[:, None], self._columns[scales]))
        return self._columns[scales]


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those in its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _value(node: Any, name: str, default: float) -> float:
    from onnx.helper import get_attribute_value

    return next((get_attribute_value(one) for one in node.attribute if one.name == name), default)
