"""All laws at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.testing.case import Case, make_case
from rnnzoo.testing.laws import LAWS, Law
from rnnzoo.testing.results import Broken

__all__ = ["LawError", "check_cell", "check_law"]


class LawError(AssertionError):
    """A cell breaks laws: one line for each, with the law, the cell, what differed and by how much."""


def check_law(law: Law, case: Case) -> None:
    """Holds one cell to one law.

    Raises:
        LawError: the cell breaks it, or fails in the attempt.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            law(case)
        except Broken as broken:
            problem, cause = str(broken), broken.__cause__
        except Exception as error:
            problem, cause = f"{type(error).__name__}: {error}", error
        else:
            return
    dtype = str(case.dtype).removeprefix("torch.")
    raise LawError(f"{law.__name__}: {case.name}, {dtype}: {problem}") from cause


def check_cell(
    cell: nn.Module | CellConfig | StackConfig | str,
    *,
    laws: Iterable[Law] = LAWS,
    dtypes: Iterable[torch.dtype] = (torch.float64, torch.float32),
    **options: Any,
) -> None:
    """Holds a cell to all laws, in float64 and in float32.

    Args:
        cell: anything that satisfies the cell protocol: a cell, a stack, a config of one, a cell's name.
            A cell itself is copied, not changed.
        laws: which ones.
        dtypes: in which precisions; how far off each may be is in `TOLERANCES`.
        **options: sizes, device and more, as in `make_case`.

    Raises:
        LawError: names every law that is broken, with what differed and by how much.
        TypeError: `cell` is not a cell.
    """
    laws, problems, first = tuple(laws), list[str](), None
    for dtype in dtypes:
        case = make_case(cell, dtype, **options)
        for law in laws:
            try:
                check_law(law, case)
            except LawError as error:
                problems.append(str(error))
                first = first or error
    if problems:
        raise LawError("\n".join(problems)) from first
