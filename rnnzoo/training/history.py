"""The losses of a run, as a file of JSON lines that survives an interruption, and their picture."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from rnnzoo.errors import UserError
from rnnzoo.training.progress import Meter
from rnnzoo.training.validation import validates_first

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["History", "draw_curve", "plot_curve", "read_history"]


class History(Callback):
    """Writes ``history.jsonl``: a line for each logged training loss and each validation.

    A line holds step, epoch, tokens, seconds (of training, over all resumed parts), tokens_per_second and learning
    rate, with train_nll or val_nll. A resumed run drops the lines after the checkpoint that it resumes from.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._begun = time.perf_counter()
        self._before = 0.0
        self._noted = 0  # the step of the last training loss
        self.meter = Meter()

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run so far, evaluations included, interruptions left out."""
        return self._before + time.perf_counter() - self._begun

    def state_dict(self) -> dict[str, Any]:
        """The time used so far."""
        return {"seconds": self.seconds, "trained": self.meter.seconds, "tokens": self.meter.tokens}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Adds it to what comes."""
        self._before = state_dict["seconds"]
        self.meter.seconds, self.meter.tokens = state_dict["trained"], state_dict["tokens"]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._begun = time.perf_counter()
        self.meter.start()  # an epoch that is resumed in its middle does not begin again
        if trainer.is_global_zero:
            step, again = trainer.global_step, validates_first(trainer)
            lines = [
                line
                for line in read_history(self.path)
                if line["step"] <= step and not (again and line["step"] == step and "val_nll" in line)
            ]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.meter.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.meter.stop(getattr(batch, "num_targets", 0) * trainer.world_size)
        # Lightning calls callbacks before the module, which logs at these steps: what is read here is one log old.
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        due = trainer.global_step % every == 1 % every and trainer.global_step != self._noted  # a step of many chunks
        if due and "train/nll" in trainer.callback_metrics:
            self._noted = trainer.global_step
            self._write(trainer, pl_module, train_nll=float(trainer.callback_metrics["train/nll"]))

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self.meter.stop()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.meter.start()
        if not trainer.sanity_checking and "val/nll" in trainer.callback_metrics:
            self._write(trainer, pl_module, val_nll=float(trainer.callback_metrics["val/nll"]))

    def _write(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, **losses: float) -> None:
        if not trainer.is_global_zero:
            return
        line = {
            "step": trainer.global_step,
            "epoch": trainer.current_epoch + 1,
            "tokens": self.meter.tokens,
            "seconds": round(self.seconds, 1),
            "tokens_per_second": round(self.meter.rate),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            **losses,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``history.jsonl``; none where there is no file. What is no line of a history is left out.

    Raises:
        UserError: it is no file, or cannot be read.
    """
    if not path.exists():
        return []
    if not path.is_file():
        raise UserError("is no file: remove it", path=path)
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found = []
    for line in lines:
        try:
            one = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(one, dict) and _is_step(one.get("step")) and all(map(_is_number, one.values())):
            found.append(one)
    return found


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def draw_curve(history: list[dict[str, Any]], path: Path, title: str, unit: str = "token") -> None:
    """Draws training and validation loss over the tokens seen (or what else the loss is per), as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")  # not pyplot's: a notebook's own backend stays
    _draw(figure.subplots(), history, title, unit)
    figure.savefig(path, dpi=120)


def plot_curve(run: str | os.PathLike[str]) -> Figure:
    """The losses of a run, under way or ended, as a matplotlib figure; a notebook shows it.

    Args:
        run: the run's folder.

    Raises:
        UserError: it has no history yet.
    """
    from matplotlib import pyplot

    path = Path(run) / "history.jsonl"
    history = read_history(path)
    if not history:
        raise UserError("has no losses yet", path=path)
    figure, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    _draw(axes, history, path.absolute().parent.parent.name)
    pyplot.close(figure)  # else a notebook shows it twice
    return figure


def _draw(axes: Any, history: list[dict[str, Any]], title: str, unit: str = "token") -> None:
    for key, label, style in (("train_nll", "training", "-"), ("val_nll", "validation", "o-")):
        points = [(line["tokens"] / 1e6, line[key]) for line in history if key in line and "tokens" in line]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label, markersize=4)
    axes.set(xlabel=f"million {unit}s read", ylabel=f"nats per {unit}", title=title)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
