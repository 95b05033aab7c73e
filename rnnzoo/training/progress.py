"""What one sees while a model trains: a line that moves, and a line that stays for each validation."""

from __future__ import annotations

import math
import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from rnnzoo.metrics import perplexity

__all__ = ["Meter", "TrainProgress"]


class Meter:
    """Tokens per second since the start, evaluation left out."""

    def __init__(self) -> None:
        self.tokens, self.seconds, self._since = 0, 0.0, 0.0

    def start(self) -> None:
        """Training goes on."""
        self._since = time.perf_counter()

    def stop(self, tokens: int = 0) -> None:
        """Training has paused, after so many tokens."""
        now = time.perf_counter()
        self.seconds, self.tokens, self._since = self.seconds + now - self._since, self.tokens + tokens, now

    @property
    def rate(self) -> float:
        """Tokens per second, 0 before the first."""
        return self.tokens / self.seconds if self.seconds else 0.0


class TrainProgress(ProgressBar):
    """Epoch, share done, training loss in bits, tokens per second, time left; each validation's score on its own line.

    It reads the loss where it was logged anyway and redraws ten times a second at most, so that it costs nothing.

    Args:
        unit: what a bit is counted per: ``"char"``, ``"byte"``, ``"token"``.
        console: where to write; stderr unless said.
    """

    def __init__(self, unit: str = "token", console: Console | None = None) -> None:
        super().__init__()
        self.unit, self.console = unit, console or Console(stderr=True)
        self._progress: Progress | None = None
        self._meter = Meter()
        self._drawn = 0.0
        self._enabled = True

    def disable(self) -> None:
        """Lightning calls it on all ranks but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Shows the bar again."""
        self._enabled = True

    @property
    def is_enabled(self) -> bool:
        """Whether lines are shown; `LightningModule.print` asks."""
        return self._enabled

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._meter.start()  # an epoch that is resumed in its middle does not begin again
        if not self._enabled:
            return
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[loss]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            refresh_per_second=2,
            disable=not self.console.is_terminal,
        )
        self._progress.start()
        epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else 1
        total = min(trainer.num_training_batches * epochs, trainer.max_steps if trainer.max_steps > 0 else math.inf)
        self._progress.add_task("", total=total, epoch=self._epoch(trainer), loss="", rate="")

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._meter.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._meter.stop(getattr(batch, "num_targets", 0) * trainer.world_size)
        if self._progress is None or (time.perf_counter() - self._drawn < 0.1 and not self.is_last(trainer)):
            return
        self._drawn = time.perf_counter()
        bits = trainer.logged_metrics.get("train/bits")
        self._progress.update(
            self._progress.task_ids[0],
            completed=trainer.current_epoch * trainer.num_training_batches + batch_idx + 1,
            epoch=self._epoch(trainer),
            loss="" if bits is None else f"{float(bits):.3f} bits/{self.unit}",
            rate=f"{self._meter.rate:,.0f} {self.unit}s/s",
        )

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._meter.stop()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._meter.start()
        nll = trainer.callback_metrics.get("val/nll")
        if nll is None or trainer.sanity_checking or not self._enabled:
            return
        bits = trainer.logged_metrics.get("train/bits")
        trained = "" if bits is None else f"training {float(bits):.3f}, "
        ppl = f", perplexity {perplexity(float(nll)):.2f}" if self.unit in ("word", "token") else ""
        self.say(
            f"epoch {self._epoch(trainer)}  {trained}validation {float(nll) / math.log(2):.3f} bits/{self.unit} "
            f"({float(nll):.4f} nats{ppl})  {self._meter.rate:,.0f} {self.unit}s/s"
        )

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._close()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._close()

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        if self._enabled:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def print(self, *args: Any, sep: str = " ", **kwargs: Any) -> None:
        """What `LightningModule.print` writes."""
        self.say(sep.join(str(arg) for arg in args))

    def is_last(self, trainer: lightning.Trainer) -> bool:
        """Whether this is the epoch's last batch."""
        return bool(trainer.is_last_batch)

    def _epoch(self, trainer: lightning.Trainer) -> str:
        total = trainer.max_epochs
        return f"{trainer.current_epoch + 1}/{total}" if total and total > 0 else f"{trainer.current_epoch + 1}"

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
