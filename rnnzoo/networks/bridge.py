"""From the encoder's last states to the decoder's first."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStack, Stack
from rnnzoo.networks.pooling import last_outputs
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["Bridge", "BridgeKind"]

BridgeKind = Literal["zero", "copy", "projected"]


class Bridge(nn.Module):
    """What a decoder begins with.

    ``zero``: its own initial state. ``copy``: the state in which the encoder ended, layer by layer, both directions
    side by side (Sutskever et al. 2014, arXiv:1409.3215). ``projected``: tanh of a linear map of the encoder's last
    outputs (Cho et al. 2014, arXiv:1406.1078) for what a layer calls h or c; everything else begins as in ``zero``.

    Args:
        kind: which of them. encoder, decoder: the two stacks.

    Raises:
        ValueError: ``copy``, but the states are of different form.
    """

    def __init__(self, kind: BridgeKind, encoder: Stack | BidirectionalStack, decoder: Stack) -> None:
        super().__init__()
        self.kind = kind
        self.bidirectional = isinstance(encoder, BidirectionalStack)
        self._initial = decoder.initial_state  # not a submodule: the decoder's weights are its own
        first = states.flatten(decoder.initial_state(1))
        if kind == "copy":
            given = {name: leaf.shape for name, leaf in states.flatten(self._joined(encoder.initial_state(1))).items()}
            wanted = {name: leaf.shape for name, leaf in first.items()}
            if given != wanted:
                raise ValueError(
                    "bridge: copy needs an encoder whose last state is like the decoder's: the same cells and layers, "
                    "and as many units, those of both directions together; 'projected' needs none of that"
                )
        self.targets = {
            name: leaf.size(1)
            for name, leaf in first.items()
            if name.split(".")[-1] in ("h", "c") and leaf.dim() == 2 and leaf.is_floating_point()
        }
        self.map = nn.Linear(encoder.output_size, sum(self.targets.values())) if self.carries else None

    @property
    def carries(self) -> bool:
        """Whether ``projected`` has anything to project to."""
        return self.kind == "projected" and bool(self.targets)

    def forward(self, outputs: Float[Tensor, "B S E"], final: State, lengths: Int[Tensor, "B"]) -> State:
        """The decoder's first state.

        Args:
            outputs: the encoder's. final: its last state. lengths: valid steps of each row.
        """
        if self.kind == "copy":
            return self._joined(final)
        state = self._initial(outputs.size(0), device=outputs.device, dtype=outputs.dtype)
        if self.map is None:
            return state
        named = states.flatten(state)
        parts = torch.tanh(self.map(last_outputs(outputs, lengths, both_ways=self.bidirectional))).split(
            list(self.targets.values()), dim=1
        )  # type: ignore[no-untyped-call]
        return states.unflatten(state, named | dict(zip(self.targets, parts, strict=True)))

    def _joined(self, final: State) -> State:
        """One state a layer."""
        if not self.bidirectional:
            return final
        return tuple(states.map(lambda a, b: torch.cat((a, b), dim=-1), *pair) for pair in final)
