"""What every network has: parameters that may be shared, and stay so."""

from __future__ import annotations

from typing import Any, Self

from torch import nn

from rnnzoo.config import Config

__all__ = ["Network"]


class Network(nn.Module):
    """A module some of whose parameters are one; a subclass says which in `tie`, and calls it when they are there.

    Attributes:
        config: what it was built from. vocab_size: the tokens that it predicts.
    """

    config: Config
    vocab_size: int

    def __init__(self) -> None:
        super().__init__()
        self.register_load_state_dict_post_hook(_tie)  # type: ignore[no-untyped-call]

    def tie(self) -> None:
        """Makes shared parameters one again: PyTorch makes two of them where it puts new ones in their place."""

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.tie()  # leaving the meta device makes two parameters of one, as does load_state_dict(assign=True)
        return self

    @property
    def num_parameters(self) -> int:
        """Trained numbers, shared ones counted once."""
        return sum(parameter.numel() for parameter in self.parameters())


def _tie(model: Network, _: object) -> None:  # a function of the module's, since a model can be pickled
    model.tie()
