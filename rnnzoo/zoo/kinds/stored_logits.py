"""What of a model's logits is published: all of a small vocabulary's, and of a large one's enough to compare."""

from __future__ import annotations

import torch

from rnnzoo.shapes import Float, Tensor

__all__ = ["WIDTH", "StoredLogits"]

WIDTH = 256
"""Logits of one step that are stored: a byte model's all, and a word model's file stays a hundredth of its weights."""


class StoredLogits:
    """Logits as far as they are stored, and the log-sum-exp of all, in which every one of them has a part.

    Args:
        logits: (..., V).

    Attributes:
        logits: (..., min(V, `WIDTH`)), those of evenly spread ids. log_sum_exp: (...).
    """

    def __init__(self, logits: Float[Tensor, "*B V"]) -> None:
        vocabulary = logits.size(-1)
        width = min(vocabulary, WIDTH)
        ids = torch.arange(width, device=logits.device) * vocabulary // width
        self.logits, self.log_sum_exp = logits[..., ids], logits.logsumexp(-1)

    def tensors(self) -> dict[str, Tensor]:
        """What is stored, in float32."""
        return {"logits": self.logits.float(), "log_sum_exp": self.log_sum_exp.float()}

    def beside(self, stored: dict[str, Tensor], at: tuple[slice | int, ...] = ()) -> list[tuple[Tensor, Tensor]]:
        """Each tensor with the stored one, or with a part of it."""
        return [(self.logits, stored["logits"][at]), (self.log_sum_exp, stored["log_sum_exp"][at])]

    @staticmethod
    def taken(stored: dict[str, Tensor], tokens: Tensor, vocab_size: int) -> dict[str, Tensor]:
        """Removes from `stored`, which anybody may have written, what `tensors` gave, and returns it.

        Folders of before have all logits of a large vocabulary, and nothing beside them.

        Raises:
            ValueError: it is not that of a model with `vocab_size` tokens that was given `tokens`.
        """
        found: dict[str, Tensor] = {name: stored.pop(name) for name in ("logits", "log_sum_exp") if name in stored}
        if "log_sum_exp" not in found and found.get("logits", torch.empty(0)).shape == (*tokens.shape, vocab_size):
            found = StoredLogits(found["logits"]).tensors()
        shapes: dict[str, tuple[int, ...]] = {
            "logits": (*tokens.shape, min(vocab_size, WIDTH)),
            "log_sum_exp": tuple(tokens.shape),
        }
        if {name: tuple(tensor.shape) for name, tensor in found.items()} != shapes:
            raise ValueError("does not hold logits of this model")
        return found
