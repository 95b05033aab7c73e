"""Forecasts a series with any recurrent cell: hourly demand that this script makes, the next six hours from two days.

    python examples/forecast.py                  # a minGRU
    python examples/forecast.py --cell lstm
    python examples/forecast.py --skorch         # the same training with skorch (pip install skorch)

The error is compared with that of the best forecast that needs no model: the same hours of the day before.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

import rnnzoo

WINDOW, HORIZON = 48, 6  # hours that are read, and hours that are forecast


def demand(hours: int, seed: int = 0) -> np.ndarray:
    """Hourly demand (hours,): days, weeks, warm and cold spells that last for days, and noise."""
    draw = np.random.default_rng(seed)
    hour = np.arange(hours)
    day = np.sin(2 * np.pi * hour / 24) + 0.4 * np.sin(4 * np.pi * hour / 24 + 1)
    weekend = np.where(hour // 24 % 7 >= 5, -0.8, 0.0)
    spell = np.zeros(hours)
    for t in range(1, hours):
        spell[t] = 0.97 * spell[t - 1] + 0.15 * draw.standard_normal()
    return (day + weekend + spell + 0.1 * draw.standard_normal(hours)).astype(np.float32)


def windows(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is read (N, WINDOW, 1), and what is to be forecast (N, HORIZON)."""
    cut = np.lib.stride_tricks.sliding_window_view(series, WINDOW + HORIZON)
    return cut[:, :WINDOW, None].copy(), cut[:, WINDOW:].copy()


class Forecaster(nn.Module):
    """A recurrent layer that reads the window, and a linear one that forecasts from its last output."""

    def __init__(self, cell: str = "mingru", hidden_size: int = 32, num_layers: int = 2) -> None:
        super().__init__()
        self.rnn = rnnzoo.rnn(cell, 1, hidden_size, num_layers, batch_first=True)
        self.head = nn.Linear(hidden_size, HORIZON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output, _ = self.rnn(x)
        return self.head(output[:, -1])


def fit(model: nn.Module, x: np.ndarray, y: np.ndarray, epochs: int, batch: int = 64, lr: float = 5e-3) -> None:
    """The plain loop."""
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            loss = nn.functional.mse_loss(model(torch.from_numpy(x[rows])), torch.from_numpy(y[rows]))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()


def fit_with_skorch(model: nn.Module, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """The same with skorch, which makes an estimator of scikit-learn's kind of the module."""
    from skorch import NeuralNetRegressor
    from skorch.callbacks import GradientNormClipping

    net = NeuralNetRegressor(
        model,
        max_epochs=epochs,
        batch_size=64,
        lr=5e-3,
        optimizer=torch.optim.Adam,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[GradientNormClipping(1.0)],
        verbose=0,
    )
    net.fit(x, y)


def main(arguments: Sequence[str] | None = None) -> float:
    """Trains, prints the mean absolute errors on the last fifth, and returns the one as a share of the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cell", default="mingru")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--days", type=int, default=150)
    parser.add_argument("--skorch", action="store_true")
    options = parser.parse_args(arguments)

    torch.manual_seed(0)
    series = demand(24 * options.days)
    border = len(series) * 4 // 5
    x, y = windows(series[:border])
    test_x, test_y = windows(series[border:])
    model = Forecaster(options.cell)
    (fit_with_skorch if options.skorch else fit)(model, x, y, options.epochs)

    model.eval()
    with torch.no_grad():
        error = np.abs(model(torch.from_numpy(test_x)).numpy() - test_y).mean()
    day_before = np.abs(test_x[:, -24 : -24 + HORIZON, 0] - test_y).mean()
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"the day before: {day_before:.3f}   {options.cell}: {error:.3f}, with {weights:,} weights")
    return float(error / day_before)


if __name__ == "__main__":
    main()
