"""From a recipe to a run folder with a trained, measured model."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from rnnzoo.destinations import check_folder_destination
from rnnzoo.errors import UserError
from rnnzoo.tasks.doubts import doubts
from rnnzoo.tasks.identity import kept_ends
from rnnzoo.tasks.job import Job, job_of
from rnnzoo.tasks.recipe import Recipe, override, plain, read
from rnnzoo.tasks.run_folder import SPANNED, Found, RunFolder, discard, is_first_rank, last_run, new_run
from rnnzoo.tasks.trainer import build_trainer, trainer_arguments
from rnnzoo.tasks.trainer_ranges import check_interval
from rnnzoo.training import (
    BestCheckpoint,
    History,
    NonFiniteError,
    OtherRankEnded,
    StepCheckpoints,
    StopInValidation,
    StopOnSignal,
    Stopped,
    TrainProgress,
    keep_few_kernels,
    keep_freed_memory,
    read_history,
)
from rnnzoo.training.checkpoint_schema import checkpoint_fault
from rnnzoo.zoo import recipe_name

__all__ = ["train"]


def train(
    recipe: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    overlays: Sequence[str | Path] = (),
    resume: bool = False,
    restart: bool = False,
    runs: str | os.PathLike[str] = "runs",
    **overrides: Any,
) -> Path:
    """Trains a model by a recipe.

    Args:
        recipe: the name of a packaged recipe, or the path of a YAML file.
        settings: fields to change, by dotted name, as on the command line.
        overlays: recipe files merged over it, such as ``hardware/8gpu-ddp``; a resumed run has those that it began with
            where none are given.
        resume: go on with the last run of this recipe, from its newest checkpoint that is whole.
        restart: with `resume`: if there is none, begin that run again.
        runs: where run folders go.
        **overrides: settings by their short forms, ``cell="gru"``, ``epochs=2``; or by dotted names.

    Returns:
        The run's folder: a model that `rnnzoo.load` takes, with metrics.json, curve.png and samples.txt.

    Raises:
        UserError: something in the recipe or the text is not right; nothing was written then.
        NonFiniteError: training has diverged; the checkpoints before that are there.
    """
    root, name = Path(runs), recipe_name(recipe)
    given = {key: plain(value) for key, value in {**(settings or {}), **overrides}.items()}
    if resume:
        run = last_run(root, name)
        given, overlays = {**run.settings(), **given}, overlays or run.overlays()
        try:
            plan = _planned(recipe, overlays, given)
        except UserError:
            run.check_plugins()
            raise
        run.check_same(plan)
        longer = run.length(plan) != run.length()
        if run.ended and not longer:
            more = run.further if plan.schedule.name in SPANNED else "--epochs N gives it more"
            raise UserError(f"this run has already come to its end: {more}", path=run.path)
        read_history(run.path / "history.jsonl")  # is one
        _where_to_go_on(run, restart)
        trainer_arguments(plan.trainer, run.path)
    else:
        plan = _planned(recipe, overlays, given)
        trainer_arguments(plan.trainer, root / name)  # each section is right before there is a folder
        check_folder_destination(root / name)
        run, longer = new_run(root, name, make=is_first_rank()), False
    try:
        training = _Training(plan, run, resume=resume, restart=restart)
        if training.trainer.is_global_zero and (longer or not resume):
            training.begin(given, overlays)
    except BaseException:
        if not resume and is_first_rank():
            discard(run, root)  # a run that could not begin leaves nothing
        raise
    training.run_on(root)
    return run.path


def _planned(recipe: str | os.PathLike[str], overlays: Sequence[str | Path], given: Mapping[str, Any]) -> Recipe:
    return Recipe.from_mapping(override(read(recipe, overlays), given))


class _Training:
    """A training that has been made, from its data to its trainer."""

    def __init__(self, plan: Recipe, run: RunFolder, *, resume: bool, restart: bool) -> None:
        self.plan, self.run, self.resume = plan, run, resume
        lightning.seed_everything(plan.seed, verbose=False)
        self.job: Job[Any] = job_of(plan.name)(plan, run, resume=resume)
        if resume:
            run.check_text(self.job.data.corpus.sha256, lambda: kept_ends(self.job.data.config))
        check_interval(plan.trainer, self.job.data.batches_per_epoch)
        self.task = self.job.build(run)
        self.task.on_nonfinite = plan.on_nonfinite
        self.found = _where_to_go_on(run, restart, self._fault) if resume else None
        self.bar, self.history = TrainProgress(self.job.unit), History(run.path / "history.jsonl")
        self.visible = plan.trainer.get("enable_progress_bar", True)
        callbacks = [
            *_checkpoints(run, plan.checkpoint_every, self.job),
            *([self.bar] if self.visible else []),
            self.history,
            *self.job.callbacks(),
        ]
        self.trainer = build_trainer(plan.trainer, run.path, callbacks)
        self.job.check_ranks(self.trainer.world_size)

    def _fault(self, path: Path) -> str | None:
        return checkpoint_fault(path, self.task, self.task.build_optimizer())

    def begin(self, given: Mapping[str, Any], overlays: Sequence[str | Path]) -> None:
        """Notes what is run, or that it is to become longer.

        Raises:
            UserError: the disk is full or cannot be written.
        """
        job, run = self.job, self.run
        try:
            if self.resume:  # else a run with a score would be taken for one that has ended
                (run.path / "metrics.json").unlink(missing_ok=True)
            run.begin(self.plan, given, job.data.corpus.sha256, job.coverage, overlays)
        except OSError as error:
            raise UserError(f"cannot be written ({error.strerror})", path=error.filename or run.path) from None

    def run_on(self, root: Path) -> None:
        """Trains to the end, and measures; `root` is where run folders are."""
        trainer, run = self.trainer, self.run
        if trainer.strategy.root_device.type == "cpu":
            keep_freed_memory()
            keep_few_kernels()
        os.environ["RNNZOO_RUN"] = str(run.path)
        try:
            if self.visible and trainer.is_global_zero:
                self._introduce()
            checkpoint = self.found and self.found.path
            trainer.fit(self.task, datamodule=self.job.data, ckpt_path=checkpoint, weights_only=True)
            if trainer.is_global_zero:
                report = self.job.finish(run, trainer, self.history)
                if self.visible:
                    self.bar.say(f"{report}\nthe trained model: {run.path}")
        except Stopped as stopped:
            if not trainer.is_global_zero:
                raise OtherRankEnded(trainer, stopped.code) from None
            if stopped.signal == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise
        except NonFiniteError as diverged:
            if not trainer.is_global_zero:
                raise OtherRankEnded(trainer, diverged.exit_code) from None
            raise
        except Exception as error:
            full = isinstance(error, UserError) and not any(run.checkpoints.glob("*.ckpt"))  # before the first of them
            if not self.resume and trainer.is_global_zero and (full or trainer.global_step == 0):
                discard(run, root)  # a run that nothing can go on with leaves nothing
            raise
        finally:
            os.environ.pop("RNNZOO_RUN", None)

    def _introduce(self) -> None:
        first, *more = self.job.introduction()
        lines = [*more, *doubts(self.job.data, self.plan.trainer)]
        self.bar.say("\n".join([f"{self.run.name}: {first}", *lines]))
        if self.found is not None:
            for path in self.found.skipped:
                self.bar.say(f"passed over, since it is damaged: {path}")
            self.bar.say(f"resumes from {self.found.path}")


def _where_to_go_on(
    run: RunFolder, restart: bool, fault: Callable[[Path], str | None] = lambda path: None
) -> Found | None:
    try:
        return run.find_checkpoint(fault)
    except UserError:
        if not restart:
            raise
        run.forget()
        return None


def _checkpoints(run: RunFolder, every: int, job: Job[Any]) -> list[Callback]:
    """What saves and stops; Lightning calls all but the first of them after all other callbacks."""
    steps = StepCheckpoints(run.checkpoints, every)  # of the optimiser, so that no accumulated gradient is lost
    stop = StopOnSignal(steps)
    return [StopInValidation(stop), BestCheckpoint(run.checkpoints, *job.monitor), steps, stop]
