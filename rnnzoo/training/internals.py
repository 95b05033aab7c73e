"""All that we take from the private parts of Lightning and torch; `tests/training/test_internals.py` names each."""

from __future__ import annotations

from typing import Any

import lightning
import torch.distributed as dist
from torch._C._distributed_c10d import Store

__all__ = ["default_store", "has_trainer", "ignore_signals", "no_longer_restarting", "validation_follows"]


def ignore_signals(trainer: lightning.Trainer) -> None:
    """Keeps Lightning from handling signals, whose handler would wait for other ranks."""
    trainer._signal_connector.register_signal_handlers = _nothing  # type: ignore[method-assign]


def validation_follows(trainer: lightning.Trainer) -> bool:
    """Whether a validation comes after the batch just trained on, by the count of batches."""
    fetcher = trainer.fit_loop._data_fetcher
    if fetcher is None or getattr(trainer, "_val_check_time_interval", None) is not None:
        return False
    return trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)


def no_longer_restarting(trainer: lightning.Trainer) -> None:
    """The fit loop is past what it was restarted for."""
    trainer.fit_loop._restarting = False


def has_trainer(module: lightning.LightningModule) -> bool:
    """Whether the module is in a trainer; `module.trainer` raises where it is in none."""
    return module._trainer is not None


def default_store() -> Store:
    """Where the ranks of this process group met."""
    return dist.distributed_c10d._get_default_store()


def _nothing(*_: Any) -> None:
    pass
