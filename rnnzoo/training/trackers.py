"""What trackers can show beside curves: texts and pictures. A tracker that cannot is passed over."""

from __future__ import annotations

import html
import io
from typing import Any

import lightning
from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger, WandbLogger

__all__ = ["shows", "track_picture", "track_text"]

_SHOW = (TensorBoardLogger, WandbLogger, MLFlowLogger)


def shows(trainer: lightning.Trainer) -> bool:
    """Whether a tracker of this trainer shows texts and pictures."""
    return any(isinstance(logger, _SHOW) for logger in trainer.loggers)


def track_text(trainer: lightning.Trainer, name: str, text: str) -> None:
    """Gives `text` to each tracker that shows texts.

    Args:
        trainer: whose trackers. name: what it is, such as ``"sample"``; the step goes with it.
        text: shown with its line breaks.
    """
    step = trainer.global_step
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text(name, f"<pre>{html.escape(text)}</pre>", step)
        elif isinstance(logger, WandbLogger):
            from wandb import Html

            logger.experiment.log({name: Html(f"<pre>{html.escape(text)}</pre>"), "trainer/global_step": step})
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_text(logger.run_id, text, f"{name}/step-{step:08d}.txt")


def track_picture(trainer: lightning.Trainer, name: str, png: bytes) -> None:
    """Gives a picture to each tracker that shows pictures.

    Args:
        trainer: whose trackers. name: what it is; the step goes with it. png: the picture's file.
    """
    from matplotlib.image import imread

    step = trainer.global_step
    pixels: Any = (imread(io.BytesIO(png))[..., :3] * 255).round().astype("uint8")
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, pixels, step, dataformats="HWC")
        elif isinstance(logger, WandbLogger):
            from wandb import Image

            logger.experiment.log({name: Image(pixels), "trainer/global_step": step})
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_image(logger.run_id, pixels, f"{name}/step-{step:08d}.png")
