"""A session as bytes: a line of JSON that describes it, then the numbers of its state; nothing in it can run."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np

from ..errors import UserError
from .graph import Array, Named
from .randomness import Draws

__all__ = ["Kept", "pack", "unpack"]

_MAGIC = b"rnnzoo.session.2\n"
_MAX_ROWS = 1 << 20
_MAX_HEADER = 1 << 20


class Kept(NamedTuple):
    """What a session is, beside its model.

    Attributes:
        tokens: the last of each row, not read yet. fed: whether anything was. tails: what decoders have to hear again.
        draws: of each row. state: before `tokens`; of one row while the rows are alike.
    """

    tokens: tuple[int, ...]
    fed: bool
    tails: tuple[tuple[int, ...], ...]
    draws: list[Draws]
    state: Named


def pack(fingerprint: str, kept: Kept) -> bytes:
    """`kept` as bytes; the arrays in their order, which is the model's."""
    header = {
        "model": fingerprint,
        "tokens": kept.tokens,
        "fed": kept.fed,
        "tails": kept.tails,
        "draws": [[draws.seed, draws.taken] for draws in kept.draws],
    }
    numbers = b"".join(np.ascontiguousarray(array).tobytes() for array in kept.state.values())
    data = json.dumps(header, separators=(",", ":")).encode() + b"\n" + numbers
    return _MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n" + data


def unpack(fingerprint: str, first_state: Named, vocab_size: int, data: bytes) -> Kept:
    """What `pack` was given, for a model with this first state.

    Raises:
        UserError: the bytes are damaged, or were saved with another model.
    """
    begin = len(_MAGIC) + 65
    _require(data.startswith(_MAGIC) and data[begin - 1 : begin] == b"\n")
    _require(hashlib.sha256(data[begin:]).hexdigest().encode() == data[len(_MAGIC) : begin - 1])
    end = data.find(b"\n", begin, begin + _MAX_HEADER)
    _require(end > 0)
    try:
        header: Any = json.loads(data[begin:end])
    except (ValueError, RecursionError):
        header = None
    _require(isinstance(header, dict))
    if header.get("model") != fingerprint:
        raise UserError("the session was saved with another model")
    tokens, tails, draws, fed = (header.get(name) for name in ("tokens", "tails", "draws", "fed"))
    _require(isinstance(draws, list) and 0 < len(draws) <= _MAX_ROWS and type(fed) is bool)
    _require(isinstance(tokens, list) and len(tokens) in (1, len(draws)) and _are_ids(tokens, vocab_size))
    _require(isinstance(tails, list) and len(tails) == len(draws))
    _require(all(isinstance(row, list) and len(row) <= 64 and _are_ids(row, vocab_size) for row in tails))
    _require(all(isinstance(row, list) and len(row) == 2 and all(map(_is_count, row)) for row in draws))
    state: dict[str, Array] = {}
    at = end + 1
    for name, like in first_state.items():
        shape = (len(tokens), *like.shape[1:])
        size = like.dtype.itemsize * int(np.prod(shape))
        _require(len(data) >= at + size)
        state[name] = np.frombuffer(data, like.dtype, int(np.prod(shape)), at).reshape(shape).copy()
        at += size
    _require(at == len(data) and all(np.isfinite(array).all() for array in state.values()))
    return Kept(tuple(tokens), fed, tuple(map(tuple, tails)), [Draws(*row) for row in draws], state)


def _require(ok: bool) -> None:
    if not ok:
        raise UserError("not a session that was saved here, or damaged")


def _are_ids(values: list[Any], vocab_size: int) -> bool:
    return all(type(value) is int and 0 <= value < vocab_size for value in values)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63
