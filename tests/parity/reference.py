"""Recurrences in NumPy, float64, written from the papers' equations; and their gradients by complex steps.

They share no code with the package: a mistake in the one is not in the other. The equations work on complex numbers,
so that the derivative of a loss L is Im L(x + ih) / h, exact to the last digits since nothing is subtracted (Squire &
Trapp 1998, doi:10.1137/S003614459631241X).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.complex128]
Weights = dict[str, Array]
"""By the cell's names: weight_ih (gates * H, D), weight_hh (gates * H, H), biases (gates * H), and what else it has."""
Step = Callable[[Array, dict[str, Array], Weights], dict[str, Array]]
"""x (B, D), the state's tensors and the weights to the new state; its h is the output."""


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def blocks(w: Weights, name: str, gates: int) -> list[Array]:
    """The rows of a weight or bias, gate by gate."""
    return np.split(w[name], gates)


def layer_norm(a: Array, gain: Array, shift: Array | float = 0.0) -> Array:
    """Ba et al. 2016, equation 4, with PyTorch's epsilon."""
    centred = a - a.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * gain + shift


def run(step: Step, x: Array, state: dict[str, Array], weights: Weights) -> tuple[Array, dict[str, Array]]:
    """x (B, T, D) to outputs (B, T, H) and the final state."""
    outputs = []
    for t in range(x.shape[1]):
        state = step(x[:, t], state, weights)
        outputs.append(state["h"])
    return np.stack(outputs, 1), state


def loss(step: Step, data: dict[str, Array], factors: dict[str, Array]) -> complex:
    """Outputs and final state times fixed factors, summed; `data` holds x, the state and the weights by name."""
    state = {name.removeprefix("state "): value for name, value in data.items() if name.startswith("state ")}
    weights = {name: value for name, value in data.items() if name.startswith(("weight", "bias"))}
    y, final = run(step, data["x"], state, weights)
    return complex((y * factors["y"]).sum() + sum((final[name] * factors[f"state {name}"]).sum() for name in final))


def gradients(step: Step, data: dict[str, Array], factors: dict[str, Array]) -> dict[str, npt.NDArray[np.float64]]:
    """d loss / d entry for every entry of `data`."""
    tiny = 1e-30
    found = {}
    for name, value in data.items():
        gradient = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            shifted = value.astype(complex)
            shifted[index] += 1j * tiny
            gradient[index] = loss(step, data | {name: shifted}, factors).imag / tiny
        found[name] = gradient
    return found
