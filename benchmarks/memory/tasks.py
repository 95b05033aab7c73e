"""The tasks: what is shown, what is asked, and what somebody without a memory would score.

Both are from Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735 (adding), and, as it is mostly set now,
Arjovsky et al. 2016, arXiv:1511.06464 (copying).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Adding", "Copy", "Task"]


@dataclass(frozen=True)
class Task(ABC):
    """A task; batches are drawn anew, so that nothing can be learnt by heart.

    Attributes:
        layers, hidden_size: of the network. batch: sequences in a step. steps: of training.
    """

    layers: int
    hidden_size: int
    batch: int
    steps: int

    loss_name: ClassVar[str]

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """Features of a step's input and of its output."""

    @property
    @abstractmethod
    def baseline(self) -> float:
        """The loss of the best answer that takes no memory."""

    @abstractmethod
    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs (B, T, D) and what is asked."""

    @abstractmethod
    def loss(self, outputs: Tensor, asked: Tensor) -> Tensor:
        """The mean loss of the outputs (B, T, O), over what is asked."""


@dataclass(frozen=True)
class Copy(Task):
    """Symbols, then a delay in which nothing is shown, then a mark for each symbol that is to be said again."""

    symbols: int = 5
    alphabet: int = 8
    delay: int = 40

    loss_name: ClassVar[str] = "nats per symbol"

    @property
    def sizes(self) -> tuple[int, int]:
        return self.alphabet + 2, self.alphabet  # beside the symbols: nothing, and the mark

    @property
    def baseline(self) -> float:
        return math.log(self.alphabet)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        asked = torch.randint(self.alphabet, (self.batch, self.symbols), generator=generator)
        nothing = torch.full((self.batch, self.delay), self.alphabet)
        marks = torch.full((self.batch, self.symbols), self.alphabet + 1)
        return F.one_hot(torch.cat([asked, nothing, marks], 1), self.alphabet + 2).float(), asked

    def loss(self, outputs: Tensor, asked: Tensor) -> Tensor:
        return F.cross_entropy(outputs[:, -self.symbols :].flatten(0, 1), asked.flatten())


@dataclass(frozen=True)
class Adding(Task):
    """Random numbers, two of which are marked, one in each half; at the end their sum is asked."""

    length: int = 60

    loss_name: ClassVar[str] = "mean squared error"

    @property
    def sizes(self) -> tuple[int, int]:
        return 2, 1  # a number and whether it is marked

    @property
    def baseline(self) -> float:
        return 1 / 6  # the variance of the sum of two numbers between 0 and 1: always say 1

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        numbers = torch.rand(self.batch, self.length, generator=generator)
        half = self.length // 2
        first = torch.randint(half, (self.batch, 1), generator=generator)
        second = torch.randint(half, self.length, (self.batch, 1), generator=generator)
        places = torch.cat([first, second], 1)
        marks = torch.zeros_like(numbers).scatter_(1, places, 1.0)
        return torch.stack([numbers, marks], -1), numbers.gather(1, places).sum(1)

    def loss(self, outputs: Tensor, asked: Tensor) -> Tensor:
        return F.mse_loss(outputs[:, -1, 0], asked)
