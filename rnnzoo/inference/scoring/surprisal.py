"""Every token's surprisal: a text read chunk by chunk, by a model that stays as it is or by one that adapts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import CHUNK_LEN, MAX_LOGITS, at_least_float32, device_of, evaluating
from rnnzoo.inference.scoring.neural_cache import NeuralCache
from rnnzoo.networks import LanguageNet
from rnnzoo.shapes import Float, Int, Tensor

__all__ = ["Reader", "StaticReader", "surprisals"]


class Reader(ABC):
    """Reads one stream, a chunk at a time, from the zero state on.

    Attributes:
        device: where it wants its tokens. chunk_len: how many it reads at a time.
    """

    device: torch.device
    chunk_len: int

    @abstractmethod
    def read(
        self, tokens: Int[Tensor, "T"], targets: Int[Tensor, "T"]
    ) -> tuple[Float[Tensor, "T H"], Float[Tensor, "T"]]:
        """The last layer's outputs and -ln p(target), in nats; each target is predicted before it is seen."""


class StaticReader(Reader):
    """A model as it was trained, without dropout.

    Args:
        model: any language model. chunk_len: changes nothing but memory and speed.
    """

    def __init__(self, model: LanguageNet, chunk_len: int = CHUNK_LEN) -> None:
        self.model, self.device = model, device_of(model)
        self.chunk_len = min(chunk_len, max(1, MAX_LOGITS // model.vocab_size))
        self._state = model.initial_state(1)

    def read(
        self, tokens: Int[Tensor, "T"], targets: Int[Tensor, "T"]
    ) -> tuple[Float[Tensor, "T H"], Float[Tensor, "T"]]:
        with evaluating(self.model):
            hidden, self._state = self.model.hidden(tokens.unsqueeze(0), self._state)
            logits = at_least_float32(self.model.head(hidden[0]))
            return hidden[0], F.cross_entropy(logits, targets, reduction="none")


def surprisals(
    reader: Reader, ids: npt.NDArray[Any], cache: NeuralCache | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """The surprisal of each token but the first, in nats.

    Args:
        reader: a fresh one; it is used up.
        ids: (N,) the text. cache: a fresh one, or None.

    Returns:
        (N - 1,) of the reader's own predictions, and (N - 1,) of their mixture with the cache's.

    Raises:
        UserError: the model's logits are not numbers.
    """
    total = len(ids) - 1
    nats = np.empty(total)
    mixed = None if cache is None else np.empty(total)
    for start in range(0, total, reader.chunk_len):
        end = min(start + reader.chunk_len, total)
        chunk = torch.from_numpy(ids[start : end + 1].astype(np.int64)).to(reader.device)
        hidden, own = reader.read(chunk[:-1], chunk[1:])
        nats[start:end] = own.cpu().numpy()
        if np.isnan(nats[start:end]).any():
            raise UserError(
                "the model's logits are not numbers (NaN): its training diverged or its weights are damaged"
            )
        if cache is not None and mixed is not None:
            mixed[start:end] = cache.mix(hidden, chunk[1:], own).cpu().numpy()
    return nats, mixed
