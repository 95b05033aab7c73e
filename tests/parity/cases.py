"""What each file of this folder does with its cell: hold it to its equations, and to PyTorch's module."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStack, BidirectionalStackConfig, Stack, StackConfig
from rnnzoo.cells import CellConfig

from . import reference

BATCH, STEPS, INPUT, HIDDEN = 2, 4, 3, 5


def check_equations(config: CellConfig, step: reference.Step, positive: str = "") -> None:
    """Outputs, final state and every gradient of `forward` and of stepping, against the reference.

    The state's tensor called `positive` begins above 1, as it does after any step.
    """
    torch.manual_seed(0)
    cell = config.build(INPUT, HIDDEN).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_(std=0.7)
    random = torch.Generator().manual_seed(1)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    x = randn(BATCH, STEPS, INPUT).requires_grad_()
    start = states.map(lambda leaf: randn(*leaf.shape).requires_grad_(), cell.initial_state(BATCH))
    if positive:
        named = states.flatten(start)
        start = states.unflatten(start, named | {positive: (1 + named[positive].detach().abs()).requires_grad_()})
    factors = {"y": randn(BATCH, STEPS, cell.output_size)}
    factors |= {f"state {name}": randn(*leaf.shape) for name, leaf in states.flatten(start).items()}

    sources = {"x": x} | {f"state {n}": leaf for n, leaf in states.flatten(start).items()}
    sources |= dict(cell.named_parameters())
    data = {name: source.detach().numpy() for name, source in sources.items()}
    weights = {name: value for name, value in data.items() if name.startswith(("weight", "bias"))}
    begin = {name: data[f"state {name}"] for name in states.flatten(start)}
    as_arrays = {name: factor.numpy() for name, factor in factors.items()}
    want_y, want_final = reference.run(step, data["x"], begin, weights)
    want = reference.gradients(step, data, as_arrays)

    outputs, state = [], start
    for x_t in x.unbind(1):
        y_t, state = cell.step(x_t, state)
        outputs.append(y_t)
    for y, final in (cell(x, start), (torch.stack(outputs, 1), state)):
        np.testing.assert_allclose(y.detach().numpy(), want_y, rtol=0, atol=1e-12)
        total = (y * factors["y"]).sum()
        assert states.flatten(final).keys() == want_final.keys()
        for name, leaf in states.flatten(final).items():
            np.testing.assert_allclose(leaf.detach().numpy(), want_final[name], rtol=0, atol=1e-12)
            total = total + (leaf * factors[f"state {name}"]).sum()
        got = torch.autograd.grad(total, list(sources.values()))
        for name, gradient in zip(sources, got, strict=True):
            np.testing.assert_allclose(gradient.numpy(), want[name], rtol=0, atol=1e-11, err_msg=name)


def golden(name: str) -> torch.Tensor:
    """Prints the outputs (3, H), H = 2, of one row, with weights and inputs that anyone can write down again."""
    cell = CellConfig.from_dict(name).build(2, 2).double()
    with torch.no_grad():
        for number, parameter in enumerate(cell.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).add(number).double().sin().view_as(parameter))
    x = torch.arange(6, dtype=torch.float64).cos().view(1, 3, 2)
    values = torch.tensor([[0.5, -0.25]], dtype=torch.float64)
    start = states.map(lambda leaf: values[:, : leaf.size(1)], cell.initial_state(1))
    y = cell(x, start)[0][0].detach()
    print(y.tolist())
    return y


def _randomise(module: nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.5)


def check_torch(config: CellConfig, module: nn.RNNBase, dtype: torch.dtype) -> None:
    """Loaded with the weights of `module`, one or two directions: same outputs, final states and gradients."""
    torch.manual_seed(0)
    module = module.to(dtype)
    _randomise(module)
    layers, both = module.num_layers, module.bidirectional
    options = {"cell": config, "hidden_size": module.hidden_size, "num_layers": layers}
    kind = BidirectionalStackConfig if both else StackConfig
    stack: Stack | BidirectionalStack = kind(**options).build(module.input_size).to(dtype)  # type: ignore[arg-type]
    _randomise(stack)  # what load_torch leaves alone is then seen
    stack.load_torch(module.state_dict())
    tolerance = 1e-11 if dtype == torch.float64 else 3e-5

    x = torch.randn(3, 6, module.input_size, dtype=dtype)
    lengths = torch.tensor([4, 6, 1])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    for ends, inputs in ((None, x), (lengths, packed)):
        want, hidden = module(inputs)
        if ends is not None:
            want, _ = nn.utils.rnn.pad_packed_sequence(want, batch_first=True)
        y, final = stack(x, lengths=ends)
        torch.testing.assert_close(y, want, rtol=tolerance, atol=tolerance)
        # PyTorch orders layer 0 forward, layer 0 backward, layer 1 forward, ...
        flat = [cell_state for pair in final for cell_state in (pair if both else (pair,))]
        leaves = hidden if isinstance(hidden, tuple) else (hidden,)
        for leaf, wanted in zip(zip(*flat, strict=True), leaves, strict=True):
            torch.testing.assert_close(torch.stack(leaf), wanted, rtol=tolerance, atol=tolerance)
        theirs = dict(module.named_parameters())
        want_gradients = dict(zip(theirs, torch.autograd.grad(want.square().sum(), list(theirs.values())), strict=True))
        ours = dict(stack.named_parameters())
        got = torch.autograd.grad(y.square().sum(), list(ours.values()))
        compared = 0
        for name, gradient in zip(ours, got, strict=True):
            direction, layer, weight = name.split(".")
            expected = want_gradients.get(f"{weight}_l{layer}" + ("_reverse" if direction == "back" else ""))
            if expected is not None:  # theirs may have no biases
                # As a share of the largest entry, as in the laws: an entry that is almost 0 is a sum of such ones.
                largest = max(float(expected.abs().max()), 1.0)
                torch.testing.assert_close(gradient, expected, rtol=0, atol=tolerance * largest)
                compared += 1
        assert compared == len(theirs)
