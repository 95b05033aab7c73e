"""A validation that was due when a checkpoint was written is not missed by the run that goes on from there.

Callbacks write checkpoints at the end of a training step, before Lightning looks whether a validation follows, and a
run that resumes from one goes on with the next step. So such a checkpoint is written as if the step were over and the
validation had begun: Lightning knows how to go back to a validation that was interrupted.
"""

from __future__ import annotations

from typing import Any

import lightning

from rnnzoo.training.internals import no_longer_restarting, validation_follows

__all__ = ["begin_again", "note_validation", "validates_first"]


def note_validation(trainer: lightning.Trainer, checkpoint: dict[str, Any]) -> bool:
    """Changes the progress in a checkpoint that is being written, where a validation follows the step just taken.

    Returns:
        Whether it does.
    """
    loop = trainer.fit_loop.epoch_loop
    step = loop.batch_progress.current
    ending: bool = trainer.training and step.processed == step.ready == step.completed + 1  # type: ignore[attr-defined]
    if not ending or not validation_follows(trainer):
        return False
    progress = checkpoint["loops"]["fit_loop"]
    for counts in (progress["epoch_loop.batch_progress"][part] for part in ("total", "current")):
        counts["completed"] += 1
    validation = progress["epoch_loop.val_loop.batch_progress"]
    done = validation["total"]["completed"]
    validation["total"] |= {"ready": done + 1, "started": done + 1, "processed": done}
    validation["current"] |= {"ready": 1, "started": 1, "processed": 0, "completed": 0}
    return True


def validates_first(trainer: lightning.Trainer) -> bool:
    """Whether training, which is about to start, goes on with the validation that was due."""
    return trainer.fit_loop.epoch_loop.val_loop.restarted_mid_evaluation


def begin_again(trainer: lightning.Trainer) -> None:
    """Called when a validation begins: from here on it is like any other.

    Else Lightning would take all later checkpoints for interrupted validations, and would leave out the schedules that
    watch the score.
    """
    trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.reset_on_restart()
    no_longer_restarting(trainer)
