"""Which of a step's values are gates, and what their cell calls them.

A gate is what comes out of a sigmoid inside a cell, one number a unit. What it is called stands in the cell's own code:
``z = (x_z + h_z).sigmoid()`` is z, and ``c = f.sigmoid() * c + ...`` has f. No cell is known here by name.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from rnnzoo.cells import Cell
from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.networks import LanguageNet
from rnnzoo.shapes import Tensor

__all__ = ["GateRecorder", "gate_names"]

_SIGMOIDS = (torch.sigmoid, torch.Tensor.sigmoid, torch.special.expit, nn.functional.sigmoid)


def gate_names(model: LanguageNet) -> list[str | None]:
    """For each sigmoid of a step, in the order in which they are computed, the gate's name, or None for other ones.

    A name is the layer's number and the gate's, ``0.f``; a gate without a name of its own has a number, ``0.gate2``.
    """
    recorder = GateRecorder(model)
    with evaluating(model), recorder:
        device = next(model.parameters()).device
        model.step(torch.zeros(1, dtype=torch.int64, device=device), model.initial_state(1))
    return recorder.names()


class GateRecorder(TorchFunctionMode):
    """Notes, inside a `with`, each sigmoid with the cell that asked for it and what its code calls the result.

    Args:
        model: the net whose cells count.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._paths = {id(module): path for path, module in model.named_modules() if isinstance(module, Cell)}
        self._found: list[tuple[str, str | None] | None] = []
        self._values: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _SIGMOIDS:
            self._values.append(result)
            self._found.append(self._place(inspect.currentframe()) if result.dim() == 2 else None)
        return result

    def _place(self, frame: FrameType | None) -> tuple[str, str | None] | None:
        name, first = None, True
        while frame is not None:
            inside = frame.f_code.co_filename not in (__file__, torch.overrides.__file__)
            inside = inside and not frame.f_code.co_filename.startswith(torch.__path__[0])
            if inside and first:  # the line that has the sigmoid
                name, first = _called(frame), False
            path = self._paths.get(id(frame.f_locals.get("self")))
            if path is not None:
                return _layer(path), name
            frame = frame.f_back
        return None

    def values(self) -> dict[str, Tensor]:
        """The gates (B, H) of one step, by name."""
        return {name: value for name, value in zip(self.names(), self._values, strict=True) if name is not None}

    def names(self) -> list[str | None]:
        """A name for each sigmoid, None where it is no gate."""
        names: list[str | None] = []
        for found in self._found:
            name = None
            if found is not None:
                layer, called = found
                number = 1 + sum(other is not None and other.startswith(f"{layer}.") for other in names)
                name = f"{layer}.{called or f'gate{number}'}"
                if name in names:
                    name = f"{layer}.{called or 'gate'}{number}"
            names.append(name)
        return names


def _layer(path: str) -> str:
    """``backbone.layers.0.cell`` is layer 0."""
    return ".".join(part for part in path.split(".") if part not in ("backbone", "layers", "cell"))


def _called(frame: FrameType) -> str | None:
    """What the code of `frame` calls the sigmoid that it is just computing."""
    where = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    name: str | None = None
    for node, target in _calls(frame.f_code.co_filename):
        if (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == where:
            operand = node.func.value if isinstance(node.func, ast.Attribute) and not node.args else None
            name = operand.id if isinstance(operand, ast.Name) else target
    return name


@lru_cache(maxsize=32)
def _calls(filename: str) -> list[tuple[ast.Call, str | None]]:
    """Every call in a file, with the name that its value is given at once, if it is."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:
        return []
    targets: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            targets[id(node.value)] = node.targets[0].id
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ):
            for target, value in zip(node.targets[0].elts, node.value.elts, strict=False):
                if isinstance(target, ast.Name):
                    targets[id(value)] = target.id
    return [(node, targets.get(id(node))) for node in ast.walk(tree) if isinstance(node, ast.Call)]
