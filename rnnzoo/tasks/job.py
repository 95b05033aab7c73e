"""What training by a recipe needs of a task; `rnnzoo.tasks.train` does the rest, the same for all."""

from __future__ import annotations

import copy
import platform
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.embeddings import Coverage
from rnnzoo.errors import UserError
from rnnzoo.system import peak_memory
from rnnzoo.task_folders import task_parts
from rnnzoo.tasks.base import Task
from rnnzoo.tasks.run_folder import RunFolder
from rnnzoo.training import History, KeepValidated, average_state_dicts, is_whole

D = TypeVar("D")

__all__ = ["Job", "job_of", "load_best", "run_facts", "take_average", "went_on_from"]


def job_of(task: str) -> type[Job[Any]]:
    """The training of a task, from the task's folder."""
    jobs: dict[str, type[Job[Any]]] = {name: job for part in task_parts("job") for name, job in part.JOBS.items()}
    return jobs[task]


class Job(ABC, Generic[D]):
    """A training: made from a recipe, which reads and checks the data, before anything is written.

    Attributes:
        monitor: the score that chooses the best weights, and whether the least or the most of it is best.
        plan: the recipe.
        data: the data module. unit: what a token is called.
        coverage: what the vectors that training begins with cover; None where it begins without.
    """

    monitor: ClassVar[tuple[str, Literal["min", "max"]]]
    plan: Any
    data: D
    unit: str
    coverage: Coverage | None = None

    @abstractmethod
    def __init__(self, plan: Any, run: RunFolder, *, resume: bool) -> None:
        """Reads and checks the data."""

    @staticmethod
    @abstractmethod
    def comparable(one: D, other: D) -> bool:
        """Whether scores on the validation parts of two data modules mean the same."""

    @abstractmethod
    def build(self, run: RunFolder) -> Task:
        """The task, with a fresh model or the one to be trained further."""

    @abstractmethod
    def callbacks(self) -> list[Callback]:
        """Those of this task alone."""

    def with_plan(self, plan: Any) -> Self:
        """The same on data that have been read: `plan` differs in other sections only."""
        job = copy.copy(self)
        job.plan = plan
        return job

    def check_ranks(self, ranks: int) -> None:
        """Raises `UserError` when the data cannot be shared by so many ranks."""

    @abstractmethod
    def introduction(self) -> list[str]:
        """What is trained, on what: lines for people."""

    @abstractmethod
    def finish(self, run: RunFolder, trainer: lightning.Trainer, history: History) -> str:
        """Measures the best weights and writes the model's files; metrics.json comes last and ends the run.

        Returns:
            The scores, for people.
        """


def load_best(run: RunFolder, task: Task) -> None:
    """Gives the task the weights of the best validation; the last ones where there was none.

    Raises:
        UserError: they are damaged.
    """
    best = run.checkpoints / "best.ckpt"
    if best.is_file():
        if not is_whole(best):
            raise UserError("is damaged: its sha256 is not the one beside it", path=best)
        task.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    task.model.eval()


def take_average(task: Task, kept: KeepValidated, score: Callable[[], float]) -> int:
    """Gives the task the mean weights of the last validations, where they score better than those it has.

    Args:
        task: with the weights of the best validation. kept: the last ones'. score: of the task's weights on the
            validation part, the more the better.

    Returns:
        How many were averaged; 0 where the task keeps what it has.
    """
    paths = kept.paths() if kept.keep else []
    if len(paths) < 2:
        return 0
    best, before = copy.deepcopy(task.state_dict()), score()
    task.load_state_dict(average_state_dicts(paths))
    if score() > before:
        return len(paths)
    task.load_state_dict(best)
    return 0


def went_on_from(init_from: str | None) -> dict[str, str]:
    """What metrics.json says of the model that was trained further: a run folder goes by its last two names."""
    return {} if init_from is None else {"init_from": "/".join(PurePath(init_from).parts[-2:])}


def run_facts(trainer: lightning.Trainer, history: History, seconds: float) -> dict[str, Any]:
    """The sections "training" and "hardware" of metrics.json."""
    device = trainer.strategy.root_device
    return {
        "training": {
            "seconds": round(seconds, 1),
            "epochs": trainer.current_epoch,
            "steps": trainer.global_step,
            "tokens": history.meter.tokens,
            "tokens_per_second": round(history.meter.rate, 1),
            "peak_memory_bytes": _peak_memory(device),  # the model is back on the CPU by now
        },
        "hardware": _hardware(trainer, device),
    }


def _peak_memory(device: torch.device) -> int:
    """The most memory that was held: the GPU's, or the whole process's on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return peak_memory()


def _hardware(trainer: lightning.Trainer, device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": device.type,
        "name": name,
        "devices": trainer.world_size,
        "threads": torch.get_num_threads(),
        "precision": str(trainer.precision),
        "torch": torch.__version__,
    }
