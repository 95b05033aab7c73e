"""How a language model reads a text that is there already: where it begins, and long texts in chunks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rnnzoo.decoding import Step
from rnnzoo.errors import UserError
from rnnzoo.state import State
from rnnzoo.text import CharTokenizer, Tokenizer, WordTokenizer

if TYPE_CHECKING:
    from rnnzoo.models.language_model import LanguageModel

__all__ = ["CHUNK_LEN", "device_of", "evaluating", "left_out", "prime", "start_token", "unknown_tokens", "without"]

CHUNK_LEN = 1024
"""Tokens that one forward reads: many enough to be fast, few enough that memory does not grow with the text."""


def start_token(tokenizer: Tokenizer) -> int:
    """The token that stands before a text when nothing else does: the line break, or else token 0.

    With the zero state it is a model's own beginning: an empty prompt starts there, and the first token of
    a scored text is predicted from there.
    """
    try:
        ids = tokenizer.encode("\n")
    except UserError:
        return 0
    return int(ids[0]) if len(ids) == 1 and tokenizer.decode(ids) == "\n" else 0


def left_out(tokenizer: Tokenizer, text: str) -> list[str]:
    """The different characters, or words, of `text` that ``encode(text, unknown="drop")`` leaves out."""
    if isinstance(tokenizer, WordTokenizer):
        return tokenizer.unknown_words(text)
    if isinstance(tokenizer, CharTokenizer) and tokenizer.nfc:
        text = unicodedata.normalize("NFC", text)
    return [c for c in dict.fromkeys(text) if len(tokenizer.encode(c, unknown="drop")) == 0]


def unknown_tokens(tokenizer: Tokenizer, text: str) -> int:
    """How many tokens of `text` are ``<unk>`` because the vocabulary lacks them; an ``<unk>`` in the text is none."""
    return len(tokenizer.encode(text)) - len(tokenizer.encode(text, unknown="drop"))


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next((tensor.device for tensor in model.parameters()), torch.device("cpu"))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; each module's own mode is put back afterwards."""
    training = [module for module in model.modules() if module.training] if model.training else []
    for module in training:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def without(step: Step, tokens: Sequence[int]) -> Step:
    """`step`, after which `tokens` never come, as nobody can read ``<unk>``; the others share their probability."""
    if not tokens:
        return step
    never = torch.tensor(tokens)

    def allowed(last: Tensor, state: State, memory: State) -> tuple[Tensor, State]:
        logits, state = step(last, state, memory)
        return logits.index_fill(1, never.to(logits.device), -torch.inf), state

    return allowed


def prime(model: LanguageModel, tokens: Tensor, state: State) -> State:
    """The state after `tokens` (B, T), read `CHUNK_LEN` at a time."""
    with evaluating(model):
        for start in range(0, tokens.size(1), CHUNK_LEN):
            state = model.hidden(tokens[:, start : start + CHUNK_LEN], state)[1]
    return state
