"""Golden logits: what a model said when it was published, for any machine to compare."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.models import LanguageModel

__all__ = ["GOLDEN", "GOLDEN_TOLERANCE", "golden_difference", "write_golden"]

GOLDEN = "golden.safetensors"

GOLDEN_TOLERANCE = 1e-4
"""The most that a logit or a number of the state may differ from the stored one: float32 on another kernel."""

ROWS, TOKENS = 2, 32
_NUMBERS = 1 << 17  # logits that are stored: 0.5 MB


def write_golden(model: LanguageModel, folder: Path) -> None:
    """Writes tokens (B, T), the logits (B, T, V) that follow them, and the state after the first half.

    The tokens are random ids, from a fixed seed: no text of a corpus is in the file.
    """
    length = max(min(TOKENS, _NUMBERS // (ROWS * model.vocab_size)), 4)
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(model.vocab_size, (ROWS, length), generator=draw)
    with torch.no_grad():
        first, state = model.eval()(tokens[:, : length // 2])
        second, _ = model(tokens[:, length // 2 :], state)
    tensors = {f"state.{name}": leaf.contiguous() for name, leaf in states.flatten(state).items()}
    tensors |= {"tokens": tokens.to(torch.int32), "logits": torch.cat([first, second], 1).contiguous()}
    data = save(tensors)
    write_durably(folder / GOLDEN, lambda file: file.write(data))


@torch.no_grad()
def golden_difference(model: LanguageModel, folder: Path) -> float:
    """The largest difference to the stored logits and state: whole, token by token, and from the stored state.

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
    tokens, logits = stored.pop("tokens", torch.empty(0)).long(), stored.pop("logits", torch.empty(0))
    if tokens.dim() != 2 or tokens.size(1) < 2 or logits.shape != (*tokens.shape, model.vocab_size):
        raise UserError("does not hold tokens and logits of this model", path=path)
    if not 0 <= int(tokens.min()) <= int(tokens.max()) < model.vocab_size:
        raise UserError("has tokens that the model does not", path=path)
    half = tokens.size(1) // 2
    like = model.eval().initial_state(tokens.size(0))
    try:
        middle = states.unflatten(like, {name.removeprefix("state."): leaf for name, leaf in stored.items()})
    except ValueError as error:
        raise UserError(f"does not hold this model's state: {error}", path=path) from None
    if any(a.shape != b.shape for a, b in zip(states.leaves(like), states.leaves(middle), strict=True)):
        raise UserError("does not hold this model's state: other shapes", path=path)
    whole = model(tokens)[0]
    said, state = [], like
    for t in range(tokens.size(1)):
        if t == half:
            reached = state
        one, state = model.step(tokens[:, t], state)
        said.append(one)
    pairs = [
        (whole, logits),
        (torch.stack(said, 1), logits),
        (model(tokens[:, half:], middle)[0], logits[:, half:]),
        *zip(states.leaves(reached), states.leaves(middle), strict=True),
    ]
    worst = max(float((a.double() - b.double()).abs().max()) for a, b in pairs)
    return worst if worst == worst else float("inf")  # NaN is no agreement
