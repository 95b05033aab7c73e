"""What the tests of cells do whose output is not their state, or whose state has other sizes than (B, H).

As in `cases` and `reference`, the equations are written in NumPy, float64, from the papers, and the gradients are taken
by complex steps; here a step gives output and state apart, and may read any parameter of the cell by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo import state as states
from rnnzoo.cells import CellConfig

from .reference import Array

Values = Mapping[str, Array]
Step = Callable[[Array, Values, Values], tuple[Array, dict[str, Array]]]
"""x (B, D), the state's tensors and the parameters to the output (B, H) and the new state."""

BATCH, STEPS, INPUT, HIDDEN = 2, 4, 3, 4


def run(step: Step, data: Values) -> tuple[Array, dict[str, Array]]:
    """All steps of data's x (B, T, D), from its "state ..." on: outputs (B, T, H) and the final state."""
    state = {name.removeprefix("state "): value for name, value in data.items() if name.startswith("state ")}
    outputs = []
    for t in range(data["x"].shape[1]):
        y, state = step(data["x"][:, t], state, data)
        outputs.append(y)
    return np.stack(outputs, 1), state


def gradients(step: Step, data: Values, factors: Values) -> dict[str, npt.NDArray[np.float64]]:
    """The derivative of outputs and final state times `factors`, summed, by every entry of `data`."""
    tiny, found = 1e-30, {}
    for name, value in data.items():
        gradient = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            shifted = value.astype(complex)
            shifted[index] += 1j * tiny
            y, final = run(step, {**data, name: shifted})
            total = (y * factors["y"]).sum() + sum((final[n] * factors[f"state {n}"]).sum() for n in final)
            gradient[index] = total.imag / tiny
        found[name] = gradient
    return found


def check_recurrence(config: CellConfig, step: Step, *, input_size: int = INPUT, hidden_size: int = HIDDEN) -> None:
    """Outputs, final state and every gradient of `forward` and of stepping, against the reference."""
    torch.manual_seed(0)
    cell = config.build(input_size, hidden_size).double()
    random = torch.Generator().manual_seed(1)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(0.7 * randn(*parameter.shape))
    x = randn(BATCH, STEPS, input_size).requires_grad_()
    start = states.map(lambda leaf: randn(*leaf.shape).requires_grad_(), cell.initial_state(BATCH))
    factors = {"y": randn(BATCH, STEPS, hidden_size)}
    factors |= {f"state {name}": randn(*leaf.shape) for name, leaf in states.flatten(start).items()}

    sources = {"x": x} | {f"state {n}": leaf for n, leaf in states.flatten(start).items()}
    sources |= dict(cell.named_parameters())
    data = {name: source.detach().numpy() for name, source in sources.items()}
    want_y, want_final = run(step, data)
    want = gradients(step, data, {name: factor.numpy() for name, factor in factors.items()})

    outputs, state = [], start
    for x_t in x.unbind(1):
        y_t, state = cell.step(x_t, state)
        outputs.append(y_t)
    for y, final in (cell(x, start), (torch.stack(outputs, 1), state)):
        np.testing.assert_allclose(y.detach().numpy(), want_y, rtol=1e-12, atol=1e-12)
        total = (y * factors["y"]).sum()
        assert states.flatten(final).keys() == want_final.keys()
        for name, leaf in states.flatten(final).items():
            np.testing.assert_allclose(leaf.detach().numpy(), want_final[name], rtol=1e-12, atol=1e-12)
            total = total + (leaf * factors[f"state {name}"]).sum()
        got = torch.autograd.grad(total, list(sources.values()))
        for name, gradient in zip(sources, got, strict=True):
            np.testing.assert_allclose(gradient.numpy(), want[name], rtol=1e-11, atol=1e-11, err_msg=name)


def golden(name: str) -> torch.Tensor:
    """Prints the outputs (T, H) = (3, 2) of one row, with weights and inputs that anyone can write down again."""
    cell = CellConfig.from_dict(name).build(2, 2).double()
    with torch.no_grad():
        for number, parameter in enumerate(cell.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).add(number).double().sin().view_as(parameter))
    x = torch.arange(6, dtype=torch.float64).cos().view(1, 3, 2)
    start = states.map(
        lambda leaf: torch.arange(leaf.numel()).double().cos().div(2).view_as(leaf), cell.initial_state(1)
    )
    y = cell(x, start)[0][0].detach()
    print(y.tolist())
    return y


def check_golden(name: str, values: list[list[float]]) -> None:
    """The outputs are these numbers, written down when the cell was made: no later change moves them unnoticed."""
    torch.testing.assert_close(golden(name), torch.tensor(values, dtype=torch.float64), rtol=0, atol=1e-14)
