"""The `trainer` section of a recipe: `lightning.Trainer`'s own arguments, read by jsonargparse."""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import lightning
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback

from rnnzoo.errors import UserError, nearest
from rnnzoo.ranges import shown
from rnnzoo.tasks.hardware import settled
from rnnzoo.tasks.trainer_ranges import check_loggers, check_numbers
from rnnzoo.training import DurableCheckpointIO

__all__ = ["build_trainer", "trainer_arguments", "trainer_parser"]

LOGGERS = {"tensorboard": "TensorBoardLogger", "csv": "CSVLogger", "wandb": "WandbLogger", "mlflow": "MLFlowLogger"}

_PLACES: set[str] = set()
"""Databases of MLflow that runs of this process have in their folders."""

DEFAULTS = {
    "logger": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,  # the data is checked before training; a score of two batches says nothing
    "use_distributed_sampler": False,  # streams are shared by index, in order
    "log_every_n_steps": 20,
}


def trainer_parser() -> jsonargparse.ArgumentParser:
    """A parser of ``--trainer.*``. Classes are looked up in lightning and rnnzoo, and nowhere else."""
    jsonargparse.set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=["lightning", "rnnzoo"])
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action=jsonargparse.ActionConfigFile)  # type: ignore[attr-defined]
    parser.add_class_arguments(lightning.Trainer, "trainer", instantiate=False)
    return parser


def trainer_arguments(section: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The arguments of `lightning.Trainer` that a section says, of the types that they should have.

    Args:
        section: as in `build_trainer`. folder: where loggers write.

    Raises:
        UserError: an unknown argument, a value of another type, a class from elsewhere.
    """
    parser = trainer_parser()
    known = {key.removeprefix("trainer.") for key in vars(parser.get_defaults(skip_validation=True).trainer)}
    for key in section:
        if key not in known:
            raise UserError(f"trainer.{key}: unknown field{nearest(key, known)}")
    check_numbers(section)
    values = {**DEFAULTS, **settled(section)}
    values["logger"] = _with_folder(values["logger"], folder)
    check_loggers(values["logger"])
    try:
        config = parser.parse_args(["--config", json.dumps({"trainer": values})])
        return dict(vars(parser.instantiate(config).trainer))
    except (jsonargparse.ArgumentError, TypeError, ValueError, ImportError, RecursionError) as error:
        raise UserError(_complaint(parser, values, error)) from None


def build_trainer(section: Mapping[str, Any], folder: Path, callbacks: Sequence[Callback]) -> lightning.Trainer:
    """The trainer of a recipe.

    Args:
        section: arguments by name; callbacks, loggers and the like as ``{class_path: ..., init_args: ...}``. What is
            ``auto`` there is settled by `rnnzoo.tasks.hardware`.
        folder: where loggers write.
        callbacks: come before the section's own.

    Raises:
        UserError: an unknown argument, a value of another type, a class from elsewhere.
    """
    arguments = trainer_arguments(section, folder)
    own = arguments.pop("callbacks") or []
    plugins = arguments.pop("plugins") or []
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # hardware and tips, at every start
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")  # lightning 2.6 on torch 2.13
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")  # so it is in a resumed run
    try:
        return lightning.Trainer(
            **arguments,
            callbacks=[*callbacks, *(own if isinstance(own, list) else [own])],
            plugins=[DurableCheckpointIO(), *(plugins if isinstance(plugins, list) else [plugins])],
        )
    except (MisconfigurationException, ValueError, TypeError, RuntimeError, ImportError) as error:
        named = re.search(r"`(\w+)`", str(error))  # Lightning writes its arguments so
        field = f".{named[1]}" if named and named[1] in inspect.signature(lightning.Trainer).parameters else ""
        raise UserError(f"trainer{field}: {str(error)[:300]}") from None  # say, a GPU where there is none


def _complaint(parser: jsonargparse.ArgumentParser, values: Mapping[str, Any], error: Exception) -> str:
    """What jsonargparse found wrong, in a line that names the field; it prints the unions of all types itself."""
    for key, value in values.items():
        try:
            parser.parse_args(["--config", json.dumps({"trainer": {key: value}})])
        except (jsonargparse.ArgumentError, TypeError, ValueError, ImportError, RecursionError):
            annotation = inspect.signature(lightning.Trainer).parameters[key].annotation
            kinds = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
            kinds = re.sub(r"(\w+\.)+(?=\w)", "", kinds)
            return f"trainer.{key}: takes {kinds[:160]}; got {shown(value)}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"trainer: {' '.join(lines[:3])[:300]}"


def _with_folder(logger: Any, folder: Path) -> Any:
    """A logger given by its name alone writes into the run's folder, MLflow's where MLFLOW_TRACKING_URI says."""
    if isinstance(logger, list):
        return [_with_folder(one, folder) for one in logger]
    if not isinstance(logger, str):
        return logger
    name = LOGGERS.get(logger, logger)
    arguments: dict[str, Any] = {"save_dir": str(folder)}
    called = f"{folder.parent.name}/{folder.name}"
    if name == "WandbLogger":
        arguments |= {"project": "rnnzoo", "name": called}
    elif name == "MLFlowLogger":
        place = os.environ.get("MLFLOW_TRACKING_URI")
        place = None if place in _PLACES else place  # MLflow puts there what the last run in this process was given
        kept = {} if place else {"artifact_location": (folder / "mlflow").resolve().as_uri()}
        if not place:
            place = f"sqlite:///{(folder / 'mlflow.db').resolve()}"
            _PLACES.add(place)
        arguments = {"experiment_name": "rnnzoo", "run_name": called, "tracking_uri": place, **kept}
    return {"class_path": f"lightning.pytorch.loggers.{name}", "init_args": arguments}
