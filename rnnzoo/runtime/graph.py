"""Graphs in ONNX Runtime: opened when they are first needed, their weights in memory as long as it takes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .bundle import WEIGHTS, Bundle

__all__ = ["Array", "Graphs", "Named", "gather", "stack_rows"]

Array = NDArray[Any]
Named = Mapping[str, Array]
"""A state or memory: arrays by name, rows first."""


class Graphs:
    """The graphs of a bundle.

    Args:
        bundle: the exported model. threads: that one graph runs on.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        if threads < 1:
            raise UserError(f"threads must be 1 or more, not {threads}")
        self._bundle, self._threads = bundle, threads
        self._open: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._bundle.meta["graphs"]

    def run(self, name: str, given: Mapping[str, Any]) -> dict[str, Array]:
        """What graph `name` makes of its inputs, by name.

        Raises:
            UserError: there is no such graph, or ONNX Runtime cannot open it.
        """
        session, outputs = self._open.get(name) or self._opened(name)
        return dict(zip(outputs, session.run(None, given), strict=True))

    def _opened(self, name: str) -> tuple[Any, list[str]]:
        with self._lock:
            if name in self._open:
                found: tuple[Any, list[str]] = self._open[name]
                return found
            graph = self._bundle.meta["graphs"].get(name)
            if not isinstance(graph, dict):
                raise UserError(f"has no graph {name!r}", path=self._bundle.path)
            self._open[name] = found = self._session(graph)
            return found

    def _session(self, graph: Mapping[str, Any]) -> tuple[Any, list[str]]:
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.log_severity_level = 3  # errors
        data = self._bundle.read(str(graph.get("file")))
        if self._bundle.has(WEIGHTS):
            weights = self._bundle.read(WEIGHTS)
            options.add_external_initializers_from_files_in_memory([WEIGHTS], [weights], [len(weights)])
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no class in common
            raise UserError(
                f"ONNX Runtime {onnxruntime.__version__} cannot open {graph.get('file')}: {error}",
                path=self._bundle.path,
            ) from None
        return session, [one.name for one in session.get_outputs()]


def gather(named: Named, rows: Array) -> dict[str, Array]:
    """These rows of each array."""
    return {name: array[rows] for name, array in named.items()}


def stack_rows(states: Sequence[Named]) -> dict[str, Array]:
    """The rows of several states below one another."""
    if len(states) == 1:
        return dict(states[0])
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}


def prefixed(prefix: str, named: Named) -> Iterable[tuple[str, Array]]:
    """Names as a graph has them."""
    return ((f"{prefix}.{name}", array) for name, array in named.items())
