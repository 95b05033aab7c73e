"""A session as one safetensors file: tensors, and JSON in the header; nothing in it can run."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.networks import LanguageNet
from rnnzoo.state import State

__all__ = ["Stored", "load_session", "save_session"]

_FORMAT = "rnnzoo.session.1"
_STATE = "state."


class Stored(NamedTuple):
    """What a session's file holds.

    Attributes:
        tokens: (B,) not yet read, or None at the model's own beginning. state: the recurrent state of B rows.
        tails: each row's last tokens, from which a decoder recovers what it was holding back.
        random: (N, bytes) the states of the rows' generators.
    """

    tokens: Tensor | None
    state: State
    tails: list[list[int]]
    random: Tensor


def save_session(path: str | os.PathLike[str], model: LanguageNet, stored: Stored) -> None:
    """Writes a session of `model` to `path`; a file that is there is replaced only once the new one is complete.

    Raises:
        UserError: the file cannot be written.
    """
    from safetensors.torch import save  # optional at start-up: only who saves waits for it

    tensors = {_STATE + name: leaf for name, leaf in states.flatten(stored.state).items()}
    if stored.tokens is not None:
        tensors["tokens"] = stored.tokens
    tensors["random"] = stored.random
    header = {"tails": stored.tails, "vocabulary": _vocabulary_hash(model), "weights": _weights_hash(model)}
    data = save(
        {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()},
        {"format": _FORMAT, "session": json.dumps(header)},
    )
    try:
        write_durably(Path(path), lambda file: file.write(data))
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=path) from None


def load_session(path: str | os.PathLike[str], model: LanguageNet) -> Stored:
    """What `save_session` wrote, checked against `model` and on its device.

    Raises:
        UserError: the file is missing or damaged, or belongs to another model.
    """
    tensors, header = _read(path)
    if header.get("vocabulary") != _vocabulary_hash(model):
        raise UserError("was saved with another model: its vocabulary is not this one's", path=path)
    state = {name.removeprefix(_STATE): leaf for name, leaf in tensors.items() if name.startswith(_STATE)}
    random, tokens = tensors.get("random"), tensors.get("tokens")
    tails: Any = header.get("tails")
    _require(random is not None and random.dtype == torch.uint8 and random.dim() == 2, path)
    assert random is not None
    num = random.size(0)
    rows = 1 if tokens is None else tokens.numel()
    like = model.initial_state(rows)
    wanted = {name: (leaf.shape, leaf.dtype) for name, leaf in states.flatten(like).items()}
    if {name: (leaf.shape, leaf.dtype) for name, leaf in state.items()} != wanted:
        raise UserError("was saved with another model: its state has other shapes than this one's", path=path)
    if header.get("weights") != _weights_hash(model):
        raise UserError("was saved with another model: its weights are not this one's", path=path)
    _require(num > 0 and rows in (1, num) and _are_tails(tails, num, model.vocab_size), path)
    device = device_of(model)
    if tokens is not None:
        fit = tokens.dtype == torch.int64 and tokens.dim() == 1
        _require(fit and bool(((tokens >= 0) & (tokens < model.vocab_size)).all()), path)
        tokens = tokens.to(device)
    try:
        for row in random:
            torch.Generator().set_state(row.clone())  # a row of a larger tensor crashes the process (torch 2.13)
    except RuntimeError:
        _require(False, path)
    return Stored(tokens, states.to(states.unflatten(like, state), device), tails, random)


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with open(path, "rb"):  # safetensors' own messages for these do not say which file
            pass
        with safe_open(os.fspath(path), "pt") as file:
            metadata = file.metadata() or {}
            _require(metadata.get("format") == _FORMAT, path)
            header = json.loads(metadata["session"])
            _require(isinstance(header, dict), path)
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise UserError("is missing", path=path) from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path=path) from None
    except (SafetensorError, KeyError, ValueError, RecursionError):
        raise UserError("not a session that rnnzoo saved, or damaged", path=path) from None


def _require(ok: bool, path: str | os.PathLike[str]) -> None:
    if not ok:
        raise UserError("not a session that rnnzoo saved, or damaged", path=path)


def _are_tails(tails: Any, num: int, vocab_size: int) -> bool:
    return (
        isinstance(tails, list)
        and len(tails) == num
        and all(isinstance(tail, list) and len(tail) <= 64 for tail in tails)
        and all(type(token) is int and 0 <= token < vocab_size for tail in tails for token in tail)
    )


def _vocabulary_hash(model: LanguageNet) -> str:
    text = json.dumps(model.tokenizer.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _weights_hash(model: LanguageNet) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
