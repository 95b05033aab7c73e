"""One run of a comparison, in a process of its own, so that its peak of memory is its own.

python -m rnnzoo.studies.comparison.one < JOB.json      # the figures are the last line of its output
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo import state as states
from rnnzoo.cells import import_cells
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel
from rnnzoo.system import peak_memory
from rnnzoo.tasks.language_model.job import FACES
from rnnzoo.tasks.language_model.recipe import LanguageModelRecipe
from rnnzoo.tasks.recipe import Recipe
from rnnzoo.tasks.trainer import build_trainer
from rnnzoo.training import NonFiniteError, StreamData, keep_freed_memory
from rnnzoo.version import __version__
from rnnzoo.zoo import measure

__all__ = ["carry_out", "step_seconds"]

WARM = 3
"""Steps that are not timed, as far as there are others."""


class StepTimes(Callback):
    """Notes when each training step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """One step more."""
        self.ends.append(time.perf_counter())

    def median(self) -> float:
        """Seconds of a step; other work on the machine moves a median less than a mean."""
        lengths = [after - before for before, after in zip(self.ends, self.ends[1:], strict=False)]
        return statistics.median(lengths[WARM:] or lengths or [float("nan")])


def carry_out(job: Mapping[str, Any]) -> dict[str, Any]:
    """Trains and measures.

    Args:
        job: what `Job.to_dict` gave.

    Returns:
        nll: nats per token of the validation part after the last step, None where the loss did not stay finite;
        parameters, hidden_size, steps, tokens; tokens_per_second of training; peak_memory_bytes, what training took
        on top of the process as it was before; state_bytes of one sequence; step_seconds, the time of one token at
        batch 1; hardware.
    """
    torch.set_num_threads(job["threads"])
    plan = Recipe.from_mapping(job["recipe"])
    assert isinstance(plan, LanguageModelRecipe)
    lightning.seed_everything(plan.seed, verbose=False)
    data = StreamData(plan.data, seed=plan.seed)
    data.setup("fit")
    times = StepTimes()
    section = {**plan.trainer, "enable_progress_bar": False, "enable_checkpointing": False, "limit_val_batches": 0}
    trainer = build_trainer(section, Path(os.devnull), [times])
    before = _resident()
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    task = FACES[plan.name](plan.model, data.tokenizer, plan.optimizer, plan.schedule, plan.regularization)
    model, nll, finite = task.model, None, True
    try:
        trainer.fit(task, datamodule=data)
    except NonFiniteError:
        finite = False
    device = trainer.strategy.root_device
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory() - before
    if finite:
        nll = measure(model, data.ids("valid"), plan.data.eval_streams, what=data.corpus.name).nll
    tokens = plan.data.streams * plan.data.chunk_len
    model.to(device)
    return {
        "nll": nll if nll is not None and nll < float("inf") else None,
        "parameters": model.num_parameters,
        "hidden_size": plan.model.backbone.hidden_size,
        "steps": trainer.global_step,
        "tokens": trainer.global_step * tokens,
        "tokens_per_second": tokens / times.median(),
        "peak_memory_bytes": max(peak, 0),
        "state_bytes": sum(leaf.numel() * leaf.element_size() for leaf in states.leaves(model.initial_state(1))),
        "step_seconds": step_seconds(model),
        "unit": data.tokenizer.kind,
        "corpus": {"name": data.corpus.name, "split_rule": data.corpus.split_rule},
        "hardware": {
            "device": device.type,
            "name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "rnnzoo": __version__,
        },
    }


@torch.no_grad()
def step_seconds(model: LanguageModel, steps: int = 200) -> float:
    """The median time of one token at batch 1, as in generation."""
    model.eval()
    device = next(model.parameters()).device
    tokens, state = torch.zeros(1, dtype=torch.long, device=device), model.initial_state(1)
    lengths = []
    for _ in range(steps + steps // 10):
        begun = time.perf_counter()
        logits, state = model.step(tokens, state)
        logits.sum().item()  # a GPU has to have finished
        lengths.append(time.perf_counter() - begun)
    return statistics.median(lengths[-steps:])


def _resident() -> int:
    """Bytes that the process holds now; the most it ever held where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_memory()


def main() -> int:
    """Reads a job, prints its figures; returns the exit code."""
    job = json.load(sys.stdin)
    warnings.filterwarnings("ignore", module="lightning")
    try:
        for place in job.get("imports", ()):
            import_cells(place)
        print(json.dumps(carry_out(job)))
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
