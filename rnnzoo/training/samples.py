"""A sample of text every so often while a language model trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from rnnzoo.config import Config
from rnnzoo.errors import UserError
from rnnzoo.ranges import Count, NonNegative
from rnnzoo.training.trackers import track_text

__all__ = ["SampleConfig", "SampleText"]


@dataclass(frozen=True)
class SampleConfig(Config):
    """What the model is made to say while it trains, and in ``samples.txt`` at the end.

    Args:
        every_n_steps: optimiser steps between samples; 0 for none while training.
        prompt: what it continues.
        max_new_tokens: how much it says.
        temperature: below 1 it is more careful, above more daring.
    """

    every_n_steps: Count = 0
    prompt: str = ""
    max_new_tokens: Count = 200
    temperature: NonNegative = 0.8


class SampleText(Callback):
    """Prints a sample every N steps, and gives it to trackers that show texts.

    It draws from its own generator, so that training does not notice.

    Args:
        config: what is sampled, and how often.
    """

    def __init__(self, config: SampleConfig) -> None:
        super().__init__()
        self.config = config
        self._last = 0

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, every = trainer.global_step, self.config.every_n_steps
        if not every or step % every or step == self._last or not trainer.is_global_zero:
            return
        self._last = step
        model: Any = pl_module.model
        training = model.training
        model.eval()
        try:
            text = model.generate(
                self.config.prompt,
                max_new_tokens=self.config.max_new_tokens,
                temperature=self.config.temperature,
                seed=step,
            )[0]
        except UserError as error:  # say, a prompt with characters that the text does not have
            text = f"({error})"
        finally:
            model.train(training)
        pl_module.print(f"--- step {step} ---\n{self.config.prompt}{text}\n")
        track_text(trainer, "sample", f"{self.config.prompt}{text}")
