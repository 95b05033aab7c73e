"""What a run carries besides weights: each rank's random state and hidden state.

Lightning saves neither, so a resumed run would draw other dropout masks and start its streams from zeros.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from rnnzoo import state as states
from rnnzoo.state import State

__all__ = ["gather_ranks", "pack_state", "random_state", "set_random_state", "share_rows", "unpack_state"]


def random_state() -> dict[str, Any]:
    """The state of every generator a training step may draw from, as tensors and numbers."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # other people's code may draw from it
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(kind), torch.from_numpy(np.asarray(keys).astype(np.int64)), int(position), has_gauss, gauss],
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Puts every generator back to where `random_state` found it."""
    torch.set_rng_state(state["torch"].cpu())
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([generator.cpu() for generator in state["cuda"]])
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, internal, following = state["python"]
    random.setstate((version, tuple(internal), following))


def gather_ranks(value: Any) -> list[Any]:
    """`value` of every rank, in the ranks' order; all ranks must call it."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def pack_state(state: State | None) -> dict[str, torch.Tensor] | None:
    """A carried state as named tensors on the CPU, for a checkpoint."""
    return None if state is None else states.flatten(states.to(states.detach(state), "cpu"))


def unpack_state(packed: dict[str, torch.Tensor] | None, like: State, device: torch.device) -> State | None:
    """`pack_state`'s inverse; `like` is a state of the same form."""
    return None if packed is None else states.to(states.unflatten(like, packed), device)


def share_rows(
    packed: Sequence[dict[str, torch.Tensor] | None], rank: int, world_size: int
) -> dict[str, torch.Tensor] | None:
    """What a rank carries when a run goes on with another number of ranks, each of which takes successive rows.

    Args:
        packed: `pack_state` of each rank that there was. rank: which this one is. world_size: how many there are now.

    Returns:
        The rows of this one; None where the old ranks carried nothing, or their rows cannot be shared evenly.
    """
    known = [one for one in packed if one is not None]
    if len(known) < len(packed) or not known:
        return None
    whole = {name: torch.cat([one[name] for one in known]) for name in known[0]}
    total = {len(rows) for rows in whole.values()}
    if len(total) != 1 or (count := total.pop()) % world_size:
        return None
    each = count // world_size
    return {name: rows[rank * each : (rank + 1) * each].clone() for name, rows in whole.items()}
