"""The cells that PyTorch has kernels for: oneDNN on a CPU, cuDNN on a GPU run their training forward."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnzoo import state as states
from rnnzoo.cells._hoisted import HoistedCell
from rnnzoo.nn.dropout import raw_parameter
from rnnzoo.nn.init import orthogonal_gates_, xavier_gates_
from rnnzoo.nn.transforms import transformed
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State

__all__ = ["KernelCell", "run_kernel"]


class KernelCell(HoistedCell):
    """Base of `rnn`, `lstm` and `gru`: parameters with the names, shapes and gate order of nn.LSTMCell and friends.

    Attributes:
        weight_ih: (gates * H, D), weight_hh: (gates * H, H), bias_ih and bias_hh: (gates * H).
    """

    gates: ClassVar[int]
    weight_names: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None = None) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, output_size or hidden_size
        rows = self.gates * hidden_size
        self.weight_ih = nn.Parameter(xavier_gates_(torch.empty(rows, input_size), self.gates))
        self.weight_hh = nn.Parameter(orthogonal_gates_(torch.empty(rows, self.output_size), self.gates))
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        self.bias_hh = nn.Parameter(torch.zeros(rows))

    @property
    @abstractmethod
    def kernel(self) -> Any:
        """The function behind nn.LSTM, nn.GRU or nn.RNN."""

    @property
    def weights(self) -> list[Tensor]:
        """The parameters in the kernels' order, dropped entries dropped."""
        return [getattr(self, name) for name in self.weight_names]

    def project(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B P"]:
        return F.linear(x, self.weight_ih, self.bias_ih)

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        if transformed():
            return super().forward(x, state, lengths)
        y, final = run_kernel([self], x, (self.begin(x, state),), lengths)
        return y, final[0]

    @torch.no_grad()
    def load_torch(self, weights: Mapping[str, Tensor], suffix: str = "") -> None:
        """Takes the weights of an nn.LSTM, nn.GRU, nn.RNN or their cells.

        Args:
            weights: the module's state_dict; without biases they become zero.
            suffix: ``"_l0"`` for layer 0 of a module with layers, ``"_l0_reverse"`` for its backward direction.

        Raises:
            KeyError: a weight is missing. ValueError: one has another shape.
        """
        for name in self.weight_names:
            target = raw_parameter(self, name)
            if name.startswith("bias") and name + suffix not in weights:
                target.zero_()
                continue
            source = weights[name + suffix]
            if source.shape != target.shape:
                raise ValueError(f"{name + suffix} is {tuple(source.shape)}, expected {tuple(target.shape)}")
            target.copy_(source)


def run_kernel(
    layers: Sequence[KernelCell],
    x: Float[Tensor, "B T D"],
    state: tuple[State, ...],
    lengths: Int[Tensor, "B"] | None,
    dropout: float = 0.0,
) -> tuple[Float[Tensor, "B T H"], tuple[State, ...]]:
    """All `layers` in one kernel call: on a GPU they overlap in time.

    Args:
        layers: cells of one kind and one hidden size, each on top of the one before.
        x: inputs of the first. state: one state for each layer.
        lengths: valid steps of each row, or None for all T.
        dropout: between the layers, in training.
    """
    if _without_bf16(x):
        with torch.autocast("cpu", enabled=False):
            exact = tuple(states.map(lambda leaf: leaf.float(), layer) for layer in state)
            return _run(layers, x.float(), exact, lengths, dropout)
    return _run(layers, x, state, lengths, dropout)


def _without_bf16(x: Tensor) -> bool:
    """Whether autocast asks for bf16 on a processor for which oneDNN has no such kernels: they take float32."""
    if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return False
    return not getattr(torch.cpu, "_is_avx512_supported", bool)()


def _run(
    layers: Sequence[KernelCell],
    x: Float[Tensor, "B T D"],
    state: tuple[State, ...],
    lengths: Int[Tensor, "B"] | None,
    dropout: float,
) -> tuple[Float[Tensor, "B T H"], tuple[State, ...]]:
    first = layers[0]
    if x.size(1) == 0:
        return x.new_zeros(x.size(0), 0, layers[-1].output_size), state
    # The kernels want each leaf as (L, B, H).
    stacked = states.map(lambda *leaves: torch.stack(leaves), *state)
    hx = tuple(stacked) if len(stacked) > 1 else stacked[0]
    weights = [weight for layer in layers for weight in layer.weights]
    options = (weights, True, len(layers), dropout, first.training, False)
    if lengths is None:
        y, *final = first.kernel(x, hx, *options, True)
    else:
        # A row without steps cannot be packed: it runs one step, and that step is then thrown away.
        # What it reads there is zeroed first: a NaN would reach the weights' gradients through a zero factor.
        ends = lengths.cpu()
        some = lengths.to(x.device) > 0
        if not bool((ends > 0).all()):
            x = torch.where(some[:, None, None], x, 0)
        packed = pack_padded_sequence(x, ends.clamp(min=1), batch_first=True, enforce_sorted=False)
        order, back = packed.sorted_indices, packed.unsorted_indices
        assert order is not None
        assert back is not None
        hx = states.map(lambda leaf: leaf.index_select(1, order), hx)
        data, *final = first.kernel(packed.data, packed.batch_sizes, hx, *options)
        final = [leaf.index_select(1, back) for leaf in final]
        y, _ = pad_packed_sequence(packed._replace(data=data), batch_first=True, total_length=x.size(1))
    kind = type(state[0])
    new = tuple(kind(*(leaf[index] for leaf in final)) for index in range(len(layers)))
    if lengths is not None:
        y = torch.where(some[:, None, None], y, 0)
        new = tuple(states.select(some, after, before) for after, before in zip(new, state, strict=True))
    return y, new
