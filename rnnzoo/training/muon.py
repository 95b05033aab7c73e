"""Muon for the hidden matrices and AdamW for the rest, as one optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import nn
from torch.optim import Optimizer

from rnnzoo.errors import UserError
from rnnzoo.ranges import DropProbability, LearningRate, NonNegative, Range
from rnnzoo.training.optim import OptimizerConfig, weight_decay_groups

__all__ = ["Muon", "MuonConfig"]


@dataclass(frozen=True)
class MuonConfig(OptimizerConfig, name="muon"):
    """Muon (Jordan et al. 2024): a matrix's momentum, made orthogonal, is its update; AdamW for all that is no matrix.

    Embedding tables and the output layer are AdamW's, too, as Muon's authors have it. Updates are scaled to the size of
    AdamW's (Liu et al. 2025, arXiv:2502.16982), so that one learning rate is for both. PyTorch's own, 2.9 or newer.

    Args:
        lr: learning rate, the peak where a schedule has one.
        weight_decay: of matrices; biases and gains are left alone.
        momentum: of Muon. ns_steps: Newton-Schulz iterations of an orthogonalisation.
        beta1: of AdamW, decay of the mean gradient. beta2: decay of its square.
    """

    lr: LearningRate = 2e-3
    weight_decay: NonNegative = 0.01
    momentum: DropProbability = 0.95
    ns_steps: Annotated[int, Range("1 <= x <= 50")] = 5
    beta1: DropProbability = 0.9
    beta2: DropProbability = 0.99

    def build(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Optimizer:
        if not hasattr(torch.optim, "Muon"):
            raise UserError(f"optimizer 'muon' is PyTorch's, of 2.9 or newer; this is {torch.__version__}")
        named = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
        hidden = [(name, one) for name, one in named if one.dim() == 2 and not _is_table(name)]
        if not hidden:
            raise UserError("optimizer 'muon' is for matrices, and this model has none beside its tables: take adamw")
        others = [pair for pair in named if pair not in hidden]
        return Muon([one for _, one in hidden], weight_decay_groups(others, self.weight_decay), self)


def _is_table(name: str) -> bool:
    """Whether it is an embedding table or the output layer."""
    return any(part.endswith("embedding") or part == "head" for part in name.split("."))


class Muon(Optimizer):
    """Both optimisers over one list of groups and one state, so that schedules and checkpoints see a single one.

    Args:
        matrices: Muon's. others: AdamW's groups, with their weight decay. config: the settings of both.
    """

    def __init__(self, matrices: list[nn.Parameter], others: list[dict[str, Any]], config: MuonConfig) -> None:
        betas = (config.beta1, config.beta2)
        self._muon: Optimizer = torch.optim.Muon(
            matrices,
            lr=config.lr,
            weight_decay=config.weight_decay,
            momentum=config.momentum,
            ns_steps=config.ns_steps,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adamw: Optimizer | None = torch.optim.AdamW(others, lr=config.lr, betas=betas) if others else None
        parts = [part for part in (self._muon, self._adamw) if part is not None]
        groups = [group for part in parts for group in part.param_groups]
        super().__init__(groups, {"lr": config.lr, "momentum": 0})  # no momentum that one_cycle could move
        self._share()

    def _share(self) -> None:
        """Gives both parts the groups and the state of the whole, which a checkpoint may have replaced."""
        self._muon.param_groups, self._muon.state = self.param_groups[:1], self.state
        if self._adamw is not None:
            self._adamw.param_groups, self._adamw.state = self.param_groups[1:], self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Both parts' steps; the loss of `closure`, where there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._share()
        self._muon.step()
        if self._adamw is not None:
            self._adamw.step()
        return loss
