"""The private parts of Lightning and torch that we use are there, and nothing else of the package uses any."""

from __future__ import annotations

import re
from pathlib import Path

import lightning
import torch.distributed as dist

import rnnzoo

PACKAGE = Path(rnnzoo.__file__).parent
PRIVATE = re.compile(
    r"trainer\.(?:\w+\.)*_\w+|\b(?:self|module)\._trainer\b|_get_default_store|_data_fetcher|fit_loop\._\w+"
)


def test_they_are_there() -> None:
    trainer = lightning.Trainer(logger=False, enable_checkpointing=False, barebones=False)
    assert callable(trainer._signal_connector.register_signal_handlers)
    assert trainer.fit_loop._data_fetcher is None
    assert isinstance(trainer.fit_loop._restarting, bool)
    assert callable(trainer.fit_loop.epoch_loop._should_check_val_fx)
    assert isinstance(trainer.fit_loop.epoch_loop.val_loop.restarted_mid_evaluation, bool)
    counts = trainer.fit_loop.epoch_loop.batch_progress
    for part in (counts.current, counts.total):
        assert {"ready", "started", "processed", "completed"} <= set(vars(part))
    assert callable(trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.reset_on_restart)
    assert lightning.LightningModule()._trainer is None
    assert callable(dist.distributed_c10d._get_default_store)


def test_one_module_uses_them() -> None:
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if PRIVATE.search(path.read_text("utf-8"))
    }
    assert found == {"training/internals.py"}
