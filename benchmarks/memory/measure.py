"""Training on the tasks, gradients by distance, and the memory that a cell takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.memory.tasks import Task
from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig

__all__ = ["Network", "gradient_by_distance", "gradient_norms", "memory_of", "train"]

HELD_OUT = 8
"""Batches of the final loss, from a generator of their own."""


class Network(nn.Module):
    """A stack of cells and a linear output at each step."""

    def __init__(self, cell: str, task: Task) -> None:
        super().__init__()
        inputs, outputs = task.sizes
        config = StackConfig(CellConfig.from_dict(cell, "cell"), hidden_size=task.hidden_size, num_layers=task.layers)
        self.stack = config.build(inputs)
        self.head = nn.Linear(self.stack.output_size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (B, T, D) to outputs (B, T, O)."""
        hidden, _ = self.stack(x)
        outputs: Tensor = self.head(hidden)
        return outputs


def train(cell: str, task: Task, lr: float, seed: int, every: int = 20) -> dict[str, Any]:
    """Trains a network with Adam, the gradient clipped at 1.

    Returns:
        curve: [step, mean loss of the `every` steps before] pairs; loss: that of held-out batches at the end;
        gradient: `gradient_norms` of the trained network; parameters.
    """
    torch.manual_seed(seed)
    network = Network(cell, task)
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    draw = torch.Generator().manual_seed(seed)
    curve, total = [], 0.0
    for step in range(1, task.steps + 1):
        x, asked = task.draw(draw)
        loss = task.loss(network(x), asked)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        total += float(loss.detach())
        if step % every == 0:
            curve.append([step, round(total / every, 5)])
            total = 0.0
    held_out = torch.Generator().manual_seed(10_000 + seed)
    batches = [task.draw(held_out) for _ in range(HELD_OUT)]
    network.eval()
    with torch.no_grad():
        losses = [float(task.loss(network(x), asked)) for x, asked in batches]
    return {
        "curve": curve,
        "loss": sum(losses) / len(losses),
        "gradient": [float(norm) for norm in gradient_norms(network, batches[0][0])],
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def gradient_norms(network: nn.Module, x: Tensor) -> Tensor:
    """How strongly the last output depends on each input before it.

    Args:
        network: inputs (B, T, D) to outputs (B, T, O), or to a pair that begins with them.
        x: the inputs.

    Returns:
        The norm (T,) of the gradient of the last output, in a random direction, with respect to the input 0, 1, 2 ...
        steps before, averaged over the batch.
    """
    x = x.detach().requires_grad_()
    y = network(x)
    y = y[0] if isinstance(y, tuple) else y
    direction = torch.randn(y.size(0), y.size(-1), generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad((y[:, -1] * direction / y.size(-1) ** 0.5).sum(), x)
    return gradient.double().norm(dim=-1).mean(0).flip(0)


def gradient_by_distance(cell: str, hidden_size: int, distance: int, batch: int, seed: int) -> list[float]:
    """`gradient_norms` of a new layer on noise, as shares of that for the input of the same step."""
    torch.manual_seed(seed)
    layer = CellConfig.from_dict(cell, "cell").build(hidden_size, hidden_size)
    norms = gradient_norms(layer, torch.randn(batch, distance + 1, hidden_size))
    return [float(norm) for norm in norms / norms[0]]


def memory_of(cell: str, size: int = 512, batch: int = 64, steps: int = 128) -> dict[str, int]:
    """What a layer of `size` units on as many inputs takes, in float32 on a CPU.

    Returns:
        parameters; state_bytes of one sequence; saved_bytes, what the forward of (batch, steps) keeps for the
        backward pass, parameters and inputs left out.
    """
    layer = CellConfig.from_dict(cell, "cell").build(size, size)
    x = torch.randn(batch, steps, size, requires_grad=True)
    known = {tensor.untyped_storage().data_ptr() for tensor in (x, *layer.parameters())}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        y, _ = layer(x)  # held until the hooks have seen everything, so that no address is used twice
    return {
        "parameters": sum(parameter.numel() for parameter in layer.parameters()),
        "state_bytes": sum(leaf.numel() * leaf.element_size() for leaf in states.leaves(layer.initial_state(1))),
        "saved_bytes": sum(saved.values()) if y.requires_grad else 0,
    }
