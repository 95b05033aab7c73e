"""The axis legend, and the shaped types that signatures use.

| axis | is | | axis | is |
|---|---|---|---|---|
| B | batch: rows, streams, sentences | | H | hidden (output) features |
| T | time: steps, target positions | | V | vocabulary |
| S | source positions | | L | layers |
| D | input features | | K | beams |

``Float[Tensor, "B T D"]`` says what a tensor holds; at run time it costs nothing. Tests switch on a
checker for it.
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Bool", "Float", "Int", "Tensor"]
