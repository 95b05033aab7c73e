"""Which tokens have the most similar vectors."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnzoo.errors import UserError

__all__ = ["nearest"]


def nearest(matrix: Any, tokens: Sequence[str], word: str, k: int = 10) -> list[tuple[str, float]]:
    """The `k` tokens whose vectors have the largest cosine with that of `word`.

    Args:
        matrix: (V, D), an array or tensor.
        tokens: the V tokens of its rows.
        word: one of them; it is not among its own neighbours.
        k: how many, at most.

    Returns:
        Tokens and cosines, the nearest first. A vector of zeros has cosine 0 with all.

    Raises:
        UserError: `word` is not among the tokens.
        ValueError: there are not as many tokens as rows.
    """
    if hasattr(matrix, "detach"):  # a tensor, perhaps of a dtype that NumPy does not have
        matrix = matrix.detach().cpu().float()
    table = np.asarray(matrix, np.float32)
    if table.ndim != 2 or len(table) != len(tokens):
        raise ValueError(f"a matrix of shape {table.shape} does not fit {len(tokens)} tokens")
    try:
        row = tokens.index(word)
    except ValueError:
        near = difflib.get_close_matches(word, tokens, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UserError(f"{word!r} is not in the vocabulary{hint}") from None
    norms = np.maximum(np.linalg.norm(table, axis=1), np.finfo(np.float32).tiny)
    cosines = (table @ (table[row] / norms[row])) / norms
    cosines[row] = -np.inf
    order = np.argsort(-cosines, kind="stable")[: min(max(k, 0), len(tokens) - 1)]
    return [(tokens[i], float(cosines[i])) for i in order]
