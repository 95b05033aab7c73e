"""Small models of every kind that evaluation which adapts has to cope with, and a text that repeats itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizer, Tokenizer, WordTokenizer

CHARACTERS = CharTokenizer(sorted("\n abcdefgh."))
WORDS = WordTokenizer(["<eos>", "<unk>", *["the", "a", "cat", "dog", "sat", "ran", "on", "mat"]])

KINDS: dict[str, tuple[Tokenizer, dict[str, Any]]] = {
    "plain": (CHARACTERS, {}),
    "dropouts": (CHARACTERS, {"embedding_dropout": 0.3, "input_dropout": 0.3, "output_dropout": 0.3}),
    "tied": (CHARACTERS, {"tied": True}),
    "weight-drop": (CHARACTERS, {"backbone": {"weight_dropout": 0.5, "hidden_dropout": 0.5, "locked_dropout": True}}),
    "words": (WORDS, {}),
    "adaptive-softmax": (WORDS, {"adaptive_cutoffs": [4]}),
    "adaptive-softmax-tied": (WORDS, {"adaptive_cutoffs": [4], "tied": True}),
    "projections": (WORDS, {"embedding_projection": 5, "output_projection": 8, "tied": True}),
}


def build(kind: str = "plain", cell: str = "lstm", **backbone: Any) -> LanguageModel:
    """A model of `KINDS` in float64, in training mode."""
    tokenizer, fields = KINDS[kind]
    stack = {"cell": cell, "hidden_size": 8, "num_layers": 2} | fields.get("backbone", {}) | backbone
    config = LanguageModelConfig.from_dict({"embedding_dim": 8} | fields | {"backbone": stack})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return config.build(tokenizer).double()


def repeating(model: LanguageModel, length: int = 300, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Five tokens over and over, with some noise."""
    draw = np.random.default_rng(seed)
    ids = np.resize(draw.permutation(model.vocab_size)[:5], length)
    noise = draw.random(length) < 0.1
    return np.where(noise, draw.integers(0, model.vocab_size, length), ids).astype(np.uint8)


def contents(model: LanguageModel) -> dict[str, Any]:
    """All that must be as it was."""
    return {
        "weights": {name: value.clone() for name, value in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "learning": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [parameter.grad for parameter in model.parameters()],
        "random": torch.get_rng_state(),
    }


def same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Bit for bit."""
    weights = all(torch.equal(value, after["weights"][name]) for name, value in before["weights"].items())
    others = all(before[key] == after[key] for key in ("modes", "learning", "gradients"))
    return weights and others and torch.equal(before["random"], after["random"])
