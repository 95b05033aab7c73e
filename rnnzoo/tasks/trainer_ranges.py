"""The ranges of the section `trainer`: Lightning lets most numbers in, and something below it refuses them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.ranges import Range, shown

__all__ = ["RANGES", "check_interval", "check_loggers", "check_numbers"]

_COUNT = Range("0 <= x <= 1e12")
_PART = Range("0 <= x <= 1e12")  # a share of the batches, or how many of them
_END = Range("1 <= x <= 1e12", also=(-1,))  # -1 is Lightning's "no end"

RANGES: dict[str, Range] = {
    "accumulate_grad_batches": Range("1 <= x <= 1e6"),
    "check_val_every_n_epoch": Range("1 <= x <= 1e12"),
    "devices": Range("1 <= x <= 1e5", also=(-1,)),
    "fast_dev_run": _COUNT,
    "gradient_clip_val": Range("0 <= x <= 1e12"),
    "limit_predict_batches": _PART,
    "limit_test_batches": _PART,
    "limit_train_batches": _PART,
    "limit_val_batches": _PART,
    "log_every_n_steps": Range("1 <= x <= 1e12"),
    "max_epochs": Range("0 <= x <= 1e12", also=(-1,)),
    "max_steps": _END,
    "min_epochs": _COUNT,
    "min_steps": _COUNT,
    "num_nodes": Range("1 <= x <= 1e5"),
    "num_sanity_val_steps": Range("0 <= x <= 1e12", also=(-1,)),
    "overfit_batches": _PART,
    "reload_dataloaders_every_n_epochs": _COUNT,
    "val_check_interval": Range("0 < x <= 1e12"),
}
"""The numbers among the arguments of `lightning.Trainer`."""

_SHARES = ("limit_train_batches", "limit_val_batches", "limit_test_batches", "limit_predict_batches", "overfit_batches")
_DEVICES = re.compile(r"auto|-1|\d{1,5}(\s*,\s*\d{1,5})*,?")
_NEEDED = {
    "WandbLogger": ("wandb",),
    "TensorBoardLogger": ("tensorboard", "tensorboardX"),
    "CometLogger": ("comet_ml",),
    "MLFlowLogger": ("mlflow",),
    "NeptuneLogger": ("neptune",),
}


def check_numbers(section: Mapping[str, Any]) -> None:
    """Holds the numbers of a section `trainer` to their ranges.

    Raises:
        UserError: one is outside; with its field and range.
    """
    for name, value in section.items():
        limits = RANGES.get(name)
        if limits is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        limits.check(name, value, f"trainer.{name}")
        if isinstance(value, float) and value > 1 and name in (*_SHARES, "val_check_interval"):
            raise UserError(f"trainer.{name}: a share is at most 1.0, and batches are a whole number; got {value:g}")
    devices = section.get("devices")
    if isinstance(devices, str) and not _DEVICES.fullmatch(devices.strip()):
        raise UserError(f"trainer.devices: a number, a list of numbers, -1 or auto; got {shown(devices)}")


def check_interval(section: Mapping[str, Any], batches: int) -> None:
    """Refuses a `val_check_interval` beyond an epoch's batches, of which there would be no validation.

    Raises:
        UserError: with the number of batches.
    """
    limit, every = section.get("limit_train_batches"), section.get("val_check_interval")
    if isinstance(limit, (int, float)) and not isinstance(limit, bool):
        batches = int(batches * limit) if isinstance(limit, float) else min(batches, limit)
    counts_epochs = section.get("check_val_every_n_epoch", 1) is not None
    if isinstance(every, int) and not isinstance(every, bool) and counts_epochs and every > batches > 0:
        raise UserError(
            f"trainer.val_check_interval: an epoch has {batches:,} batches; got {every:,}: choose at most that, or "
            "count through epochs with trainer.check_val_every_n_epoch null"
        )


def check_loggers(logger: Any) -> None:
    """Refuses a logger whose package is not installed, and names the package.

    Args:
        logger: as the section has it: a name of `rnnzoo.tasks.trainer.LOGGERS`, a mapping with a class_path, or a list.

    Raises:
        UserError: it is missing.
    """
    for one in logger if isinstance(logger, list) else [logger]:
        path = one.get("class_path") if isinstance(one, Mapping) else one
        name = str(path).rpartition(".")[2]
        packages = _NEEDED.get(name, ())
        if packages and not any(importlib.util.find_spec(package) for package in packages):
            raise UserError(
                f"trainer.logger: {name} needs the package {packages[0]}, which is not installed: "
                f"pip install {packages[0]}"
            )
