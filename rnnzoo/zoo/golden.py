"""Golden logits: what a model said when it was published, for any machine to compare."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.zoo.kinds import Model, kind_of

__all__ = ["GOLDEN", "GOLDEN_TOLERANCE", "golden_difference", "write_golden"]

GOLDEN = "golden.safetensors"

GOLDEN_TOLERANCE = 1e-4
"""The most that a logit or a number of the state may differ from the stored one: float32 on another kernel."""


@torch.no_grad()
def write_golden(model: Model, folder: Path) -> None:
    """Writes inputs and what the model makes of them, see `golden` of its kind in `rnnzoo.zoo.kinds`.

    The tokens are random ids, from a fixed seed: no text of a corpus is in the file.
    """
    data = save({name: tensor.contiguous() for name, tensor in kind_of(model).golden(model.eval()).items()})
    write_durably(folder / GOLDEN, lambda file: file.write(data))


@torch.no_grad()
def golden_difference(model: Model, folder: Path) -> float:
    """The largest difference to what is stored, over all ways in which the model can be asked.

    Raises:
        UserError: the file is missing, or not one for this model.
    """
    path = folder / GOLDEN
    if not path.is_file():
        raise UserError("is missing", path=path)
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot be read as safetensors: {error}", path=path) from None
    try:
        pairs = kind_of(model).golden_pairs(model.eval(), stored)
    except ValueError as error:
        raise UserError(str(error), path=path) from None
    worst = max(float((a.double() - b.double()).abs().max()) for a, b in pairs)
    return worst if worst == worst else float("inf")  # NaN is no agreement
