"""Graphs as ONNX models, for ONNX Runtime and whatever else reads them; needs the extra ``export``."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from rnnzoo.errors import UserError
from rnnzoo.inference.graphs.trace import Graph

__all__ = ["QUANTISED", "require_onnx", "to_onnx"]

QUANTISED = ("MatMul", "Gemm")
"""The operators whose weights become int8."""


def require_onnx(*packages: str) -> None:
    """Raises `UserError` that says what to install, unless all `packages` can be imported."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise UserError(f"this needs {' and '.join(missing)}: pip install 'rnnzoo[export]'")


def to_onnx(graph: Graph, *, int8: bool = False) -> bytes:
    """The graph as the bytes of an ONNX file, inputs and outputs under their names, free sizes free.

    Args:
        graph: what to write. int8: weights of products in 8 bits, each column with a scale of its own; what they are
            multiplied by is rounded to 8 bits as it comes (ONNX Runtime's dynamic quantisation).

    Raises:
        UserError: a package of the extra is missing.
    """
    require_onnx("onnx", "onnxscript", *(("onnxruntime",) if int8 else ()))
    with _quiet(), torch.no_grad():  # else a loop is decomposed together with its gradient, which has no ONNX form
        made = torch.onnx.export(
            graph.program,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
            dynamo=True,
            verbose=False,
        )
    assert made is not None
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    RemoveUnusedNodesPass()(made.model)  # constants that optimisation has left behind in the bodies of loops
    data: bytes = made.model_proto.SerializeToString()
    return _quantised(data) if int8 else data


def _quantised(data: bytes) -> bytes:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory(prefix="rnnzoo-onnx-") as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(
            onnx.load_from_string(data),
            path,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            reduce_range=True,  # 7 bits of 8: without VNNI two products of 8 bits overflow the 16 they are added in
            weight_type=QuantType.QInt8,
        )
        return path.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """No advice from the exporters: about packages that are not needed, and about what was decided here."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "root")]
    loggers.append(logging.getLogger("torch.onnx._internal.exporter._registration"))
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
