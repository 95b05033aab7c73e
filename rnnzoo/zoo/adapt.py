"""Scores of models that adapt to the text: dynamic evaluation and the continuous cache."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from rnnzoo.data.cache import encoded
from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.adaptation import Adaptation, read_adapting
from rnnzoo.inference.scoring.dynamic import DynamicConfig, gradient_statistics
from rnnzoo.inference.scoring.neural_cache import CacheConfig
from rnnzoo.metrics import Totals
from rnnzoo.models import LanguageModel
from rnnzoo.zoo.kinds import Text

__all__ = ["adapted_figures", "prepare"]


def prepare(
    model: LanguageModel, corpus: Text | None, dynamic: DynamicConfig | None, cache: CacheConfig | None
) -> Adaptation:
    """What is asked for, made ready: for the rule ``"rms"`` with the gradients of the training part of `corpus`.

    Raises:
        UserError: ``"rms"``, and there is no training text.
    """
    if dynamic is None or dynamic.rule != "rms":
        return Adaptation(dynamic, cache)
    if corpus is None or "train" not in corpus.splits:
        raise UserError("rms needs the text that the model was trained on: take sgd")
    return Adaptation(
        dynamic, cache, gradient_statistics(model, encoded(corpus.splits["train"], model.tokenizer), dynamic)
    )


def adapted_figures(
    model: LanguageModel, ids: npt.NDArray[Any], adaptation: Adaptation, *, what: str = "text"
) -> dict[str, dict[str, Any]]:
    """Figures of a text read as one stream: ``"static"``, and all that `adaptation` asks for, side by side.

    Args:
        model: it is left as it is.
        ids: (N,) the text; all tokens but the first are predicted. what: names the text in errors.

    Returns:
        For each name nll, ppl, bits (per token), tokens, eval_streams and the settings.

    Raises:
        UserError: fewer than two tokens; the logits are not numbers; dynamic evaluation diverged.
    """
    if len(ids) < 2:
        raise UserError(f"{what}: has {len(ids)} tokens; a score needs 2")
    found = {}
    for name, nats in read_adapting(model, ids, adaptation, adaptation.names).items():
        totals = Totals(math.fsum(nats), len(nats))
        found[name] = {
            "nll": totals.nll,
            "ppl": totals.ppl,
            "bits": totals.bits_per_token,
            "tokens": totals.tokens,
            "eval_streams": 1,
            "settings": adaptation.settings(name),
        }
    return found
