"""What a language model expects next."""

from __future__ import annotations

from typing import Literal

import torch

from rnnzoo.decoding import SamplingConfig, filter_logits
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of, evaluating
from rnnzoo.inference.generation.prime import prime
from rnnzoo.networks import LanguageNet
from rnnzoo.text.reading import start_token

__all__ = ["next_tokens"]


def next_tokens(
    model: LanguageNet, prompt: str = "", k: int = 10, *, unknown: Literal["error", "drop"] = "error"
) -> list[tuple[str, float]]:
    """The `k` most probable tokens after `prompt`, the most probable first, each with its probability.

    The probabilities are the model's own, of the whole vocabulary: no temperature, nothing left out.

    Args:
        model: any language model; it is used without dropout.
        prompt: what is read first; nothing is the model's own beginning, as in a `Session`.
        k: how many, at most; the whole vocabulary where it has no more.
        unknown: ``"drop"`` leaves out characters of the prompt that the vocabulary does not have.

    Raises:
        UserError: `k` is less than 1, the prompt has unknown characters, or the logits are not numbers.
    """
    if k < 1:
        raise UserError(f"the number of next tokens must be 1 or more, not {k}")
    ids = model.tokenizer.encode(prompt, unknown=unknown).tolist() or [start_token(model.tokenizer)]
    tokens = torch.tensor([ids], device=device_of(model))
    with evaluating(model):
        logits, _ = model.step(tokens[:, -1], prime(model, tokens[:, :-1], model.initial_state(1)))
    probabilities = filter_logits(logits, SamplingConfig())[0].softmax(-1, dtype=torch.float64)
    best, found = probabilities.sort(descending=True, stable=True)
    texts = model.tokenizer.token_texts()
    return [(texts[i], p) for i, p in zip(found[:k].tolist(), best[:k].tolist(), strict=True)]
