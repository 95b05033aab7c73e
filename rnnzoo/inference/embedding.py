"""Vectors of texts, from any model of the zoo: what it has in mind when it has read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from rnnzoo.inference.classification.classify import in_batches
from rnnzoo.networks import ClassifierNet, LanguageNet, Seq2SeqNet
from rnnzoo.networks.pooling import Pooling, PoolingKind
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["embed"]


def embed(
    model: LanguageNet | Seq2SeqNet | ClassifierNet,
    texts: str | Sequence[str],
    *,
    pooling: PoolingKind | None = None,
    unknown: Literal["error", "drop"] = "error",
) -> Float[Tensor, "N D"]:
    """A vector of each text: the outputs of the last layer, of a translator its encoder's, as one.

    Args:
        model: any; it is used without dropout. texts: one or several.
        pooling: ``"last"``, ``"mean"`` or ``"max"``; a classifier's own when left out, else the mean.
        unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

    Returns:
        On the CPU.

    Raises:
        UserError: characters that the vocabulary does not have. ValueError: there is no such pooling.
    """
    given = [texts] if isinstance(texts, str) else list(texts)
    tokenizer = model.tokenizers[0]
    ids = tokenizer.encode_all(given, unknown=unknown)
    own: nn.Module
    if isinstance(model, ClassifierNet) and pooling is None:
        own, width = model.pooling, model.pooling.output_size
    else:
        kind = pooling or "mean"
        if kind not in ("last", "mean", "max"):
            raise ValueError(f"there is no pooling {kind!r} without weights of its own: last, mean, max")
        stack = model.encoder if isinstance(model, Seq2SeqNet) else model.backbone
        both = isinstance(model, Seq2SeqNet | ClassifierNet) and model.config.bidirectional
        pool = Pooling((kind,), stack.output_size, both_ways=both)
        own, width = pool, pool.output_size

    def vectors(tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B D"]:
        pooled: Tensor = own(model.forward_features(tokens, lengths), lengths)
        return pooled

    return in_batches(model, vectors, ids, width)
