from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnzoo.embeddings import nearest
from rnnzoo.errors import UserError

TOKENS = ["east", "north-east", "north", "west", "far east", "nowhere"]
MATRIX = np.array([[1, 0], [1, 1], [0, 1], [-1, 0], [90, 1], [0, 0]], np.float32)


def test_nearest_by_cosine() -> None:
    found = nearest(MATRIX, TOKENS, "east", 10)
    assert [token for token, _ in found] == ["far east", "north-east", "north", "nowhere", "west"]
    assert [cosine for _, cosine in found] == pytest.approx([90 / np.hypot(90, 1), 2**-0.5, 0, 0, -1])
    assert nearest(MATRIX, TOKENS, "east", 2) == found[:2]
    assert nearest(MATRIX, TOKENS, "nowhere", 1) == [("east", 0)]


def test_nearest_in_a_tensor() -> None:
    table = torch.nn.Parameter(torch.from_numpy(MATRIX).bfloat16())
    assert nearest(table, TOKENS, "north", 1)[0][0] == "north-east"


def test_nearest_to_what_is_not_there() -> None:
    with pytest.raises(UserError, match=r"'nort' is not in the vocabulary \(did you mean 'north'\?\)"):
        nearest(MATRIX, TOKENS, "nort")
    with pytest.raises(UserError, match=r"'qqq' is not in the vocabulary$"):
        nearest(MATRIX, TOKENS, "qqq")
    with pytest.raises(ValueError, match="does not fit 5 tokens"):
        nearest(MATRIX, TOKENS[:5], "east")
