"""From a recipe to a run folder with a trained, measured model."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from rnnzoo.errors import UserError
from rnnzoo.tasks.jobs import JOBS, Job
from rnnzoo.tasks.recipe import LanguageModelRecipe, Recipe, TranslatorRecipe, override, plain, read
from rnnzoo.tasks.run_folder import Found, RunFolder, last_run, new_run
from rnnzoo.tasks.trainer import build_trainer
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
)
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
            plan = Recipe.from_mapping(override(read(recipe, overlays), given))
        except UserError:
            run.check_plugins()
            raise
        run.check_same(plan)
        if run.ended:
            raise UserError("this run has already come to its end", path=run.path)
    else:
        run = new_run(root, name)
        plan = Recipe.from_mapping(override(read(recipe, overlays), given))
    assert isinstance(plan, (LanguageModelRecipe, TranslatorRecipe))
    found = _where_to_go_on(run, restart) if resume else None
    checkpoint = found and found.path

    lightning.seed_everything(plan.seed, verbose=False)
    job: Job[Any] = JOBS[plan.name](plan, run, resume=resume)
    if resume:
        run.check_text(job.data.corpus.sha256)
    task = job.build(run)
    task.on_nonfinite = plan.on_nonfinite
    bar, history = TrainProgress(job.unit), History(run.path / "history.jsonl")
    visible = plan.trainer.get("enable_progress_bar", True)
    callbacks = [*_checkpoints(run, plan.checkpoint_every, job), *([bar] if visible else []), history, *job.callbacks()]
    trainer = build_trainer(plan.trainer, run.path, callbacks)
    job.check_ranks(trainer.world_size)
    if not resume and trainer.is_global_zero:
        run.begin(plan, given, job.data.corpus.sha256, job.coverage, overlays)
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
        keep_few_kernels()
    os.environ["RNNZOO_RUN"] = str(run.path)
    try:
        if visible and trainer.is_global_zero:
            first, *more = job.introduction()
            bar.say("\n".join([f"{run.name}: {first}", *more]))
            if found is not None:
                for path in found.skipped:
                    bar.say(f"passed over, since it is damaged: {path}")
                bar.say(f"resumes from {found.path}")
        trainer.fit(task, datamodule=job.data, ckpt_path=checkpoint, weights_only=True)
        if trainer.is_global_zero:
            report = job.finish(run, trainer, history)
            if visible:
                bar.say(f"{report}\nthe trained model: {run.path}")
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
    except UserError:
        if not resume and trainer.is_global_zero and trainer.global_step == 0:
            shutil.rmtree(run.path)  # a run that could not begin leaves nothing
        raise
    finally:
        os.environ.pop("RNNZOO_RUN", None)
    return run.path


def _where_to_go_on(run: RunFolder, restart: bool) -> Found | None:
    try:
        return run.find_checkpoint()
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
